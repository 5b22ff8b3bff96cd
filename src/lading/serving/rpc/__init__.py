"""The second door: the Open Inference Protocol over gRPC, to the model that HTTP asks as well.

What a request means is decided by ``protocol``, who answers it by ``slot``; only the form of the
messages and gRPC's ways are known here. grpc and protobuf are imported by this room alone, which is
imported only where somebody asks for a gRPC port.
"""
