"""The names that a skops file may use without anyone's consent: data only, nothing is imported.

What is here is built from its attributes and calls nothing while it is. What is missing here of
scikit-learn is no error: loading asks for ``trusted=`` with its name. How each name may be used is
decided in ``skops_schema``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _named(modules: Mapping[str, str]) -> frozenset[str]:
    """Full names, from the names of each module."""
    return frozenset(
        f"{module}.{name}" for module, names in modules.items() for name in names.split()
    )


SCALARS: Final = _named(
    {
        "builtins": "int float str bool",
        "numpy": (
            "bool bool_ bytes_ clongdouble complex128 complex64 datetime64 float16 float32 float64 "
            "int16 int32 int64 int8 intc longdouble longlong object_ str_ timedelta64 uint16 "
            "uint32 uint64 uint8 uintc ulonglong void"
        ),
    }
)

FACTORIES: Final = _named(
    {"builtins": "int float str bool list dict set tuple", "collections": "OrderedDict"}
)

SPARSE: Final = _named(
    {
        "scipy.sparse._bsr": "bsr_matrix bsr_array",
        "scipy.sparse._coo": "coo_matrix coo_array",
        "scipy.sparse._csc": "csc_matrix csc_array",
        "scipy.sparse._csr": "csr_matrix csr_array",
        "scipy.sparse._dia": "dia_matrix dia_array",
        "scipy.sparse._base": "spmatrix sparray",
    }
)

# Of scikit-learn's insides; those that are built from plain values only stand in PLAIN.
INTERNALS: Final = _named(
    {
        "scipy.interpolate._bsplines": "BSpline",
        "sklearn._loss.link": (
            "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit"
        ),
        "sklearn._loss.loss": (
            "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss "
            "HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss "
            "PinballLoss"
        ),
        "sklearn.compose._column_transformer": "make_column_selector",
        "sklearn.calibration": ("_CalibratedClassifier _SigmoidCalibration _TemperatureScaling"),
        "sklearn.cluster._bisect_k_means": "_BisectingTree",
        "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
        "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
        "sklearn.metrics._scorer": "_PassthroughScorer",
        "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    }
)

PLAIN: Final = _named(
    {
        "lightgbm.basic": "Booster",
        "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
        # Computes while it is loaded.
        "sklearn.isotonic": "IsotonicRegression",
        "xgboost.core": "Booster",
    }
)

WRAPPERS: Final = _named(
    {
        "lightgbm.sklearn": "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor",
        "xgboost.sklearn": (
            "XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker XGBRegressor"
        ),
    }
)

SCORERS: Final = _named({"sklearn.metrics._scorer": "_Scorer"})

NEIGHBOURS: Final = _named(
    {
        "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
        "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
    }
)

LOSSES: Final = _named(
    {
        "sklearn._loss._loss": (
            "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss "
            "CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss "
            "CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss"
        ),
        "sklearn.linear_model._sgd_fast": (
            "EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive "
            "SquaredHinge SquaredLoss"
        ),
    }
)

# Functions that estimators keep and call when they predict, none of which calls what it is given.
FUNCTIONS: Final = _named(
    {
        "numpy": "max mean median min",
        "scipy._lib.array_api_compat.numpy._aliases": "asarray",
        "scipy.special._ufuncs": "expit logit",
        "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    }
)

# What sklearn.utils.all_estimators names in scikit-learn 1.9; a test compares.
ESTIMATORS: Final = _named(
    {
        "sklearn.calibration": "CalibratedClassifierCV",
        "sklearn.cluster._affinity_propagation": "AffinityPropagation",
        "sklearn.cluster._agglomerative": "AgglomerativeClustering FeatureAgglomeration",
        "sklearn.cluster._bicluster": "SpectralBiclustering SpectralCoclustering",
        "sklearn.cluster._birch": "Birch",
        "sklearn.cluster._bisect_k_means": "BisectingKMeans",
        "sklearn.cluster._dbscan": "DBSCAN",
        "sklearn.cluster._hdbscan.hdbscan": "HDBSCAN",
        "sklearn.cluster._kmeans": "KMeans MiniBatchKMeans",
        "sklearn.cluster._mean_shift": "MeanShift",
        "sklearn.cluster._optics": "OPTICS",
        "sklearn.cluster._spectral": "SpectralClustering",
        "sklearn.compose._column_transformer": "ColumnTransformer",
        "sklearn.compose._target": "TransformedTargetRegressor",
        "sklearn.covariance._elliptic_envelope": "EllipticEnvelope",
        "sklearn.covariance._empirical_covariance": "EmpiricalCovariance",
        "sklearn.covariance._graph_lasso": "GraphicalLasso GraphicalLassoCV",
        "sklearn.covariance._robust_covariance": "MinCovDet",
        "sklearn.covariance._shrunk_covariance": "LedoitWolf OAS ShrunkCovariance",
        "sklearn.cross_decomposition._pls": "CCA PLSCanonical PLSRegression PLSSVD",
        "sklearn.decomposition._dict_learning": (
            "DictionaryLearning MiniBatchDictionaryLearning SparseCoder"
        ),
        "sklearn.decomposition._factor_analysis": "FactorAnalysis",
        "sklearn.decomposition._fastica": "FastICA",
        "sklearn.decomposition._incremental_pca": "IncrementalPCA",
        "sklearn.decomposition._kernel_pca": "KernelPCA",
        "sklearn.decomposition._lda": "LatentDirichletAllocation",
        "sklearn.decomposition._nmf": "MiniBatchNMF NMF",
        "sklearn.decomposition._pca": "PCA",
        "sklearn.decomposition._sparse_pca": "MiniBatchSparsePCA SparsePCA",
        "sklearn.decomposition._truncated_svd": "TruncatedSVD",
        "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
        "sklearn.dummy": "DummyClassifier DummyRegressor",
        "sklearn.ensemble._bagging": "BaggingClassifier BaggingRegressor",
        "sklearn.ensemble._forest": (
            "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier "
            "RandomForestRegressor RandomTreesEmbedding"
        ),
        "sklearn.ensemble._gb": "GradientBoostingClassifier GradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": (
            "HistGradientBoostingClassifier HistGradientBoostingRegressor"
        ),
        "sklearn.ensemble._iforest": "IsolationForest",
        "sklearn.ensemble._stacking": "StackingClassifier StackingRegressor",
        "sklearn.ensemble._voting": "VotingClassifier VotingRegressor",
        "sklearn.ensemble._weight_boosting": "AdaBoostClassifier AdaBoostRegressor",
        "sklearn.feature_extraction._dict_vectorizer": "DictVectorizer",
        "sklearn.feature_extraction._hash": "FeatureHasher",
        "sklearn.feature_extraction.image": "PatchExtractor",
        "sklearn.feature_extraction.text": (
            "CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer"
        ),
        "sklearn.feature_selection._from_model": "SelectFromModel",
        "sklearn.feature_selection._rfe": "RFE RFECV",
        "sklearn.feature_selection._sequential": "SequentialFeatureSelector",
        "sklearn.feature_selection._univariate_selection": (
            "GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest SelectPercentile"
        ),
        "sklearn.feature_selection._variance_threshold": "VarianceThreshold",
        "sklearn.frozen._frozen": "FrozenEstimator",
        "sklearn.gaussian_process._gpc": "GaussianProcessClassifier",
        "sklearn.gaussian_process._gpr": "GaussianProcessRegressor",
        "sklearn.impute._base": "MissingIndicator SimpleImputer",
        "sklearn.impute._iterative": "IterativeImputer",
        "sklearn.impute._knn": "KNNImputer",
        "sklearn.isotonic": "IsotonicRegression",
        "sklearn.kernel_approximation": (
            "AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler"
        ),
        "sklearn.kernel_ridge": "KernelRidge",
        "sklearn.linear_model._base": "LinearRegression",
        "sklearn.linear_model._bayes": "ARDRegression BayesianRidge",
        "sklearn.linear_model._coordinate_descent": (
            "ElasticNet ElasticNetCV Lasso LassoCV MultiTaskElasticNet MultiTaskElasticNetCV "
            "MultiTaskLasso MultiTaskLassoCV"
        ),
        "sklearn.linear_model._glm.glm": "GammaRegressor PoissonRegressor TweedieRegressor",
        "sklearn.linear_model._huber": "HuberRegressor",
        "sklearn.linear_model._least_angle": "Lars LarsCV LassoLars LassoLarsCV LassoLarsIC",
        "sklearn.linear_model._logistic": "LogisticRegression LogisticRegressionCV",
        "sklearn.linear_model._omp": "OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV",
        "sklearn.linear_model._passive_aggressive": (
            "PassiveAggressiveClassifier PassiveAggressiveRegressor"
        ),
        "sklearn.linear_model._perceptron": "Perceptron",
        "sklearn.linear_model._quantile": "QuantileRegressor",
        "sklearn.linear_model._ransac": "RANSACRegressor",
        "sklearn.linear_model._ridge": "Ridge RidgeCV RidgeClassifier RidgeClassifierCV",
        "sklearn.linear_model._stochastic_gradient": "SGDClassifier SGDOneClassSVM SGDRegressor",
        "sklearn.linear_model._theil_sen": "TheilSenRegressor",
        "sklearn.manifold._classical_mds": "ClassicalMDS",
        "sklearn.manifold._isomap": "Isomap",
        "sklearn.manifold._locally_linear": "LocallyLinearEmbedding",
        "sklearn.manifold._mds": "MDS",
        "sklearn.manifold._spectral_embedding": "SpectralEmbedding",
        "sklearn.manifold._t_sne": "TSNE",
        "sklearn.mixture._bayesian_mixture": "BayesianGaussianMixture",
        "sklearn.mixture._gaussian_mixture": "GaussianMixture",
        "sklearn.model_selection._classification_threshold": (
            "FixedThresholdClassifier TunedThresholdClassifierCV"
        ),
        "sklearn.model_selection._search": "GridSearchCV RandomizedSearchCV",
        "sklearn.model_selection._search_successive_halving": (
            "HalvingGridSearchCV HalvingRandomSearchCV"
        ),
        "sklearn.multiclass": "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier",
        "sklearn.multioutput": (
            "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain"
        ),
        "sklearn.naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
        "sklearn.neighbors._classification": "KNeighborsClassifier RadiusNeighborsClassifier",
        "sklearn.neighbors._graph": "KNeighborsTransformer RadiusNeighborsTransformer",
        "sklearn.neighbors._kde": "KernelDensity",
        "sklearn.neighbors._lof": "LocalOutlierFactor",
        "sklearn.neighbors._nca": "NeighborhoodComponentsAnalysis",
        "sklearn.neighbors._nearest_centroid": "NearestCentroid",
        "sklearn.neighbors._regression": "KNeighborsRegressor RadiusNeighborsRegressor",
        "sklearn.neighbors._unsupervised": "NearestNeighbors",
        "sklearn.neural_network._multilayer_perceptron": "MLPClassifier MLPRegressor",
        "sklearn.neural_network._rbm": "BernoulliRBM",
        "sklearn.pipeline": "FeatureUnion Pipeline",
        "sklearn.preprocessing._data": (
            "Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer PowerTransformer "
            "QuantileTransformer RobustScaler StandardScaler"
        ),
        "sklearn.preprocessing._discretization": "KBinsDiscretizer",
        "sklearn.preprocessing._encoders": "OneHotEncoder OrdinalEncoder",
        "sklearn.preprocessing._function_transformer": "FunctionTransformer",
        "sklearn.preprocessing._label": "LabelBinarizer LabelEncoder MultiLabelBinarizer",
        "sklearn.preprocessing._polynomial": "PolynomialFeatures SplineTransformer",
        "sklearn.preprocessing._target_encoder": "TargetEncoder",
        "sklearn.random_projection": "GaussianRandomProjection SparseRandomProjection",
        "sklearn.semi_supervised._label_propagation": "LabelPropagation LabelSpreading",
        "sklearn.semi_supervised._self_training": "SelfTrainingClassifier",
        "sklearn.svm._classes": "LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR",
        "sklearn.tree._classes": (
            "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor"
        ),
    }
)


# Of Gaussian processes.
KERNELS: Final = _named(
    {
        "sklearn.gaussian_process.kernels": (
            "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern "
            "PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
        ),
    }
)


# But for PyFuncDistance, which calls a function.
DISTANCES: Final = _named(
    {
        "sklearn.metrics._dist_metrics": (
            "BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance32 CanberraDistance64 "
            "ChebyshevDistance32 ChebyshevDistance64 DiceDistance32 DiceDistance64 "
            "EuclideanDistance32 EuclideanDistance64 HammingDistance32 HammingDistance64 "
            "HaversineDistance32 HaversineDistance64 JaccardDistance32 JaccardDistance64 "
            "KulsinskiDistance32 KulsinskiDistance64 MahalanobisDistance32 "
            "MahalanobisDistance64 ManhattanDistance32 ManhattanDistance64 MatchingDistance32 "
            "MatchingDistance64 MinkowskiDistance32 MinkowskiDistance64 "
            "RogersTanimotoDistance32 RogersTanimotoDistance64 RussellRaoDistance32 "
            "RussellRaoDistance64 SEuclideanDistance32 SEuclideanDistance64 "
            "SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance32 "
            "SokalSneathDistance64"
        ),
    }
)


# How a search divides its data.
SPLITTERS: Final = _named(
    {
        "sklearn.model_selection._split": (
            "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut "
            "LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit "
            "StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit"
        ),
    }
)


# Functions that searches score with.
SCORES: Final = _named(
    {
        "sklearn.metrics._classification": (
            "accuracy_score balanced_accuracy_score brier_score_loss d2_brier_score "
            "d2_log_loss_score f1_score jaccard_score log_loss matthews_corrcoef "
            "precision_score recall_score"
        ),
        "sklearn.metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
        "sklearn.metrics._regression": (
            "d2_absolute_error_score explained_variance_score max_error mean_absolute_error "
            "mean_absolute_percentage_error mean_gamma_deviance mean_poisson_deviance "
            "mean_squared_error mean_squared_log_error median_absolute_error r2_score "
            "root_mean_squared_error root_mean_squared_log_error"
        ),
        "sklearn.metrics._scorer": "negative_likelihood_ratio positive_likelihood_ratio",
        "sklearn.metrics.cluster._supervised": (
            "adjusted_mutual_info_score adjusted_rand_score completeness_score "
            "fowlkes_mallows_score homogeneity_score mutual_info_score "
            "normalized_mutual_info_score rand_score v_measure_score"
        ),
    }
)


# Functions that choose features.
SELECTORS: Final = _named(
    {
        "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
        "sklearn.feature_selection._univariate_selection": (
            "chi2 f_classif f_regression r_regression"
        ),
    }
)


UFUNCS: Final = _named(
    {
        "numpy": (
            "absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and "
            "bitwise_count bitwise_or bitwise_xor cbrt ceil conjugate copysign cos cosh "
            "deg2rad degrees divide divmod equal exp exp2 expm1 fabs float_power floor "
            "floor_divide fmax fmin fmod frexp gcd greater greater_equal heaviside hypot "
            "invert isfinite isinf isnan isnat lcm ldexp left_shift less less_equal log log10 "
            "log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor "
            "matmul matvec maximum minimum modf multiply negative nextafter not_equal "
            "positive power rad2deg radians reciprocal remainder right_shift rint sign "
            "signbit sin sinh spacing sqrt square subtract tan tanh trunc vecdot vecmat"
        ),
    }
)
