namespace Personalize.Core.Errors;

/// <summary>How stored data was found to be damaged or exchanged. The numbers are stable.</summary>
public enum StoreIntegrityError
{
    /// <summary>A sealed value does not authenticate where it stands: it was changed, moved, or sealed under another key.</summary>
    NotAuthentic = 1,

    /// <summary>A sealed value is too short, or of an unknown format version.</summary>
    Malformed = 2,

    /// <summary>The file is not a database.</summary>
    NotADatabase = 3,

    /// <summary>The database's own structure is damaged.</summary>
    DatabaseDamaged = 4,

    /// <summary>The database belongs to another program or another profile, or its schema was changed.</summary>
    ForeignDatabase = 5,

    /// <summary>A file that the profile consists of is gone or empty.</summary>
    FileMissing = 6,

    /// <summary>The profile's description cannot be read.</summary>
    ProfileMalformed = 7,

    /// <summary>A sealed file ends before its last part, or goes on after it.</summary>
    Truncated = 8,

    /// <summary>The database did not accept a setting that privacy or durability needs.</summary>
    SettingRefused = 9,

    /// <summary>Entries that are only ever appended are missing in between.</summary>
    EntriesMissing = 10,

    /// <summary>The database or the key ring is an earlier one than the anchor beside the key knows of.</summary>
    RolledBack = 11,

    /// <summary>Rows are missing, or some were put back or exchanged.</summary>
    RowsMissing = 12,

    /// <summary>The anchor is gone or of another key.</summary>
    AnchorMissing = 13,
}
