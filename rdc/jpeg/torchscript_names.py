"""What the code of a TorchScript classifier may use: arithmetic on tensors, numbers and lists."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SYNTAX = _words("""
    Module ClassDef FunctionDef arguments arg Assign AnnAssign Expr Return If For With withitem Pass
    Name Attribute Call Constant List Tuple Dict Subscript Slice UnaryOp USub UAdd Not IfExp BoolOp And
    Or Load Store Starred keyword
""")
BUILTINS = _words("""
    annotate unchecked_cast uninitialized range int float bool getattr inf nan isinstance __annotations__
""")
TYPES = _words("""
    Tensor List Tuple Dict Optional Union Any NoneType Device Final Module NamedTuple number str Scalar
    complex
""")
# Names of aten and prim; with "_" behind them the same in place. None of them touches a file, a
# process, memory that is not a tensor's own, or another program.
OPERATORS = _words("""
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d avg_pool1d avg_pool2d
    adaptive_avg_pool3d avg_pool3d max_pool1d max_pool2d max_pool2d_with_indices lp_pool2d
    _convolution convolution conv1d conv2d conv_transpose2d linear bilinear matmul mm bmm addmm baddbmm
    einsum tensordot dot outer
    batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize norm
    linalg_vector_norm
    dropout feature_dropout alpha_dropout bernoulli rand_like
    relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh
    hardshrink softplus softshrink softsign sigmoid log_sigmoid logsigmoid tanh softmax log_softmax
    softmin glu threshold
    add sub rsub mul div true_divide floor_divide floordiv remainder fmod pow sqrt rsqrt exp expm1 log
    log2 log10 log1p abs neg sign square reciprocal sin cos tan asin acos atan erf clamp clamp_min
    clamp_max minimum maximum round floor ceil trunc lerp addcmul addcdiv logsumexp cumsum
    sum mean std var var_mean std_mean prod amax amin max min argmax argmin all any topk sort argsort
    where masked_fill masked_select index index_select gather select slice narrow scatter take_along_dim
    cat concat stack split split_with_sizes chunk unbind flatten unflatten reshape view view_as
    reshape_as permute transpose swapaxes movedim t squeeze unsqueeze expand expand_as repeat
    repeat_interleave tile roll flip pad constant_pad_nd reflection_pad2d replication_pad2d
    pixel_shuffle pixel_unshuffle channel_shuffle meshgrid
    interpolate upsample_nearest1d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d upsample_linear1d upsample_trilinear3d _upsample_bicubic2d_aa
    _upsample_lanczos2d_aa upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa
    grid_sampler affine_grid_generator
    scaled_dot_product_attention _native_multi_head_attention multi_head_attention
    zeros ones full zeros_like ones_like full_like new_zeros new_ones new_full empty arange linspace
    eye tensor as_tensor scalar_tensor fill zero copy tril triu
    to type_as float double half int bool long contiguous clone detach alias
    eq ne lt le gt ge logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_not
    isnan isinf isfinite
    size sym_size dim numel len shape dtype device layout is_cuda is_floating_point is_complex is_nested
    requires_grad is_grad_enabled set_grad_enabled is_autocast_enabled type ndim
    append extend insert pop list copy Int Float Bool IntImplicit FloatImplicit ScalarImplicit item
    NumToTensor Uninitialized unchecked_cast TupleIndex TupleUnpack TupleConstruct ListConstruct
    ListUnpack RaiseException unchecked_unwrap_optional _unwrap_optional rangelist ceildiv
    format warn keys values items get
    __is__ __isnot__ __not__ __and__ __or__ __contains__ __getitem__ __range_length __derive_index
    __enter__ __exit__ __init__ __new__ _set_item
""")
