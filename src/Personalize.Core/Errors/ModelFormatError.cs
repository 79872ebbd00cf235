namespace Personalize.Core.Errors;

/// <summary>
/// The invariant that a GGUF or safetensors file breaks. Names and numbers are stable. Below 100: reaching the file; 100-199: GGUF; 200-299: safetensors.
/// Unless a member says otherwise, the error's offset is that of the first byte of the field at fault.
/// </summary>
public enum ModelFormatError
{
    /// <summary>There is no such file.</summary>
    FileNotFound = 1,

    /// <summary>The file is a directory, may not be read, or reading failed.</summary>
    Unreadable = 2,

    /// <summary>The file does not start with <c>GGUF</c>.</summary>
    BadMagic = 101,

    /// <summary>The version is 0.</summary>
    VersionZero = 102,

    /// <summary>The version is 1, which counted with 32 bits.</summary>
    VersionOne = 103,

    /// <summary>The version is newer than this library.</summary>
    VersionFuture = 104,

    /// <summary>The version's bytes are in big-endian order.</summary>
    VersionByteSwapped = 105,

    /// <summary>The file ends inside its header, a metadata entry or a tensor's description.</summary>
    TruncatedHeader = 106,

    /// <summary>The tensor count is negative, over the cap, or more than the file has room for.</summary>
    TensorCountOutOfRange = 107,

    /// <summary>The metadata count is negative, over the cap, or more than the file has room for.</summary>
    KeyCountOutOfRange = 108,

    /// <summary>A metadata key is longer than 65,535 bytes.</summary>
    KeyLengthOutOfRange = 109,

    /// <summary>A metadata key has no bytes.</summary>
    EmptyKey = 110,

    /// <summary>A metadata key stands twice.</summary>
    DuplicateKey = 111,

    /// <summary>A metadata value, or an array's element, has a type outside 0-12.</summary>
    UnknownValueType = 112,

    /// <summary>An array's elements are arrays.</summary>
    NestedArray = 113,

    /// <summary>An array has more elements than the file has room for.</summary>
    ArrayLengthOutOfRange = 114,

    /// <summary>A string ends past the end of the file; the offset is that of its length.</summary>
    StringPastEnd = 115,

    /// <summary>A string is not UTF-8; the offset is that of the first wrong byte.</summary>
    InvalidUtf8 = 116,

    /// <summary><c>general.alignment</c> is 0, not a power of two, or over 1 MiB.</summary>
    AlignmentInvalid = 117,

    /// <summary><c>general.alignment</c> is not an unsigned 32-bit integer.</summary>
    AlignmentWrongType = 118,

    /// <summary>A tensor's name is empty, or has 64 bytes or more.</summary>
    TensorNameLength = 119,

    /// <summary>A tensor has more than four dimensions.</summary>
    TooManyDimensions = 120,

    /// <summary>A tensor has a negative dimension.</summary>
    NegativeDimension = 121,

    /// <summary>The product of a tensor's dimensions exceeds 2^63 - 1.</summary>
    ElementCountOverflow = 122,

    /// <summary>A tensor's bytes, their padding, or the sum over all tensors exceed 2^63 - 1; the offset is that of the tensor's description.</summary>
    ByteSizeOverflow = 123,

    /// <summary>A tensor has a type that is not defined or was withdrawn.</summary>
    UnknownTensorType = 124,

    /// <summary>A tensor's data does not begin where the data before it ends: an overlap or a hole.</summary>
    TensorOffsetWrong = 125,

    /// <summary>A tensor's name stands twice.</summary>
    DuplicateTensor = 126,

    /// <summary>A tensor's rows are not whole blocks of its type; the offset is that of the first dimension.</summary>
    RowNotWholeBlocks = 127,

    /// <summary>A tensor's data does not begin at a multiple of the alignment.</summary>
    TensorMisaligned = 128,

    /// <summary>A tensor's data ends past the end of the file.</summary>
    TensorPastEnd = 129,

    /// <summary>Metadata takes more than 256 MiB.</summary>
    MetadataTooLarge = 130,

    /// <summary>A boolean is neither 0 nor 1.</summary>
    InvalidBoolean = 131,

    /// <summary>Metadata lacks a key that is needed.</summary>
    MissingKey = 150,

    /// <summary>A metadata value has another type than is needed, or does not fit into it.</summary>
    WrongValueType = 151,

    /// <summary>The file lacks a tensor that is needed.</summary>
    MissingTensor = 152,

    /// <summary>A tensor's type is known, but this library cannot compute its values.</summary>
    UnsupportedTensorType = 153,

    /// <summary>A tensor does not fit into one array.</summary>
    TensorTooLarge = 154,

    /// <summary>A scale or value of a tensor is NaN or infinite; the offset is that of the block.</summary>
    NonFiniteValue = 155,

    /// <summary>A size in the metadata is zero, out of range, or contradicts another one (head counts that do not divide).</summary>
    SizeContradiction = 160,

    /// <summary>A tensor has another shape than the metadata's sizes ask for.</summary>
    TensorShapeMismatch = 161,

    /// <summary>The vocabulary has another size than the embedding.</summary>
    VocabularyMismatch = 162,

    /// <summary>The file has fewer than the 8 bytes of the header's length.</summary>
    FileTooShort = 201,

    /// <summary>The header is longer than 100,000,000 bytes.</summary>
    HeaderOverLimit = 202,

    /// <summary>The header ends past the end of the file.</summary>
    HeaderPastEnd = 203,

    /// <summary>The header is not UTF-8; the offset is that of the first wrong byte.</summary>
    HeaderNotUtf8 = 204,

    /// <summary>The header is not JSON.</summary>
    HeaderBadJson = 205,

    /// <summary>The header does not start with <c>{</c>.</summary>
    HeaderNotObject = 206,

    /// <summary>A name stands twice in the header, in <c>__metadata__</c>, or in a tensor's entry.</summary>
    HeaderDuplicateKey = 207,

    /// <summary><c>__metadata__</c> is not an object of strings.</summary>
    MetadataNotStrings = 208,

    /// <summary>A tensor has an element type that is not supported.</summary>
    UnknownDataType = 209,

    /// <summary>A dimension is negative or not a whole number.</summary>
    DimensionInvalid = 210,

    /// <summary>A dimension, or a shape's size in bytes, exceeds 2^63 - 1.</summary>
    ShapeOverflow = 211,

    /// <summary>A tensor's shape and type ask for another number of bytes than its range has.</summary>
    RangeSizeMismatch = 212,

    /// <summary>A tensor's range ends before it begins.</summary>
    RangeReversed = 213,

    /// <summary>Two tensors' ranges overlap, or bytes between them belong to none.</summary>
    RangeOverlapOrHole = 214,

    /// <summary>The data is longer or shorter than the tensors' ranges; the offset is where the shorter of both ends.</summary>
    DataLengthMismatch = 215,

    /// <summary>A tensor's entry lacks a field, has one of another kind, or one that is not defined.</summary>
    HeaderEntryInvalid = 216,

    /// <summary>The header has more than 65,536 entries, or a shape more than 32 dimensions.</summary>
    HeaderTooManyEntries = 217,
}
