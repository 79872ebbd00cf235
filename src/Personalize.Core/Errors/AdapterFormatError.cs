namespace Personalize.Core.Errors;

/// <summary>Why an adapter's files were not taken. The numbers are stable.</summary>
public enum AdapterFormatError
{
    /// <summary>A file of the adapter is not there, or cannot be read.</summary>
    FileMissing = 1,

    /// <summary>The configuration is not the JSON object it should be.</summary>
    ConfigurationMalformed = 2,

    /// <summary>A field is missing, or its value is out of range.</summary>
    FieldInvalid = 3,

    /// <summary>The adapter uses something that cannot be represented here; the field names it.</summary>
    UnsupportedFeature = 4,

    /// <summary>The rank is not from 1 to 1024.</summary>
    RankOutOfRange = 5,

    /// <summary>A tensor belongs to no linear map that can be adapted.</summary>
    UnknownTensor = 6,

    /// <summary>A tensor that the configuration promises is not there.</summary>
    MissingTensor = 7,

    /// <summary>A tensor's shape disagrees with the rank or with the base model.</summary>
    ShapeMismatch = 8,

    /// <summary>A tensor's element type is not a floating-point type of at most 32 bits.</summary>
    UnsupportedType = 9,

    /// <summary>A tensor holds NaN or infinity.</summary>
    NonFinite = 10,

    /// <summary>The adapter is for another architecture than the model's.</summary>
    OtherArchitecture = 11,

    /// <summary>The place to export to is taken.</summary>
    AlreadyExists = 12,

    /// <summary>The export could not be written.</summary>
    NotWritable = 13,
}
