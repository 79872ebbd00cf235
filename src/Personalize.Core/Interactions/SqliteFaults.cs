using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>Turns the database's result codes into the profile's errors. SQLite's messages name tables and columns only, but they are left out all the same.</summary>
internal static class SqliteFaults
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int InputOutput = 10;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    public static PersonalizeException Translate(string path, SqliteException exception) => exception.SqliteErrorCode switch
    {
        Busy or Locked => new ProfileLockedException(path, exception),
        ReadOnly or CannotOpen => new ProfileAccessException(ProfileAccessError.NotWritable, path, exception),
        InputOutput => new ProfileAccessException(ProfileAccessError.DeviceFailed, path, exception),
        Full => new ProfileAccessException(ProfileAccessError.DiskFull, path, exception),
        NotADatabase => new StoreIntegrityException(StoreIntegrityError.NotADatabase, path, "is not a database: restore it from a backup", innerException: exception),
        Corrupt => new StoreIntegrityException(StoreIntegrityError.DatabaseDamaged, path, "the database is damaged: export what is whole, or restore it from a backup", innerException: exception),
        _ => new StoreIntegrityException(StoreIntegrityError.DatabaseDamaged, path, $"the database failed with code {exception.SqliteExtendedErrorCode}: verify the store", innerException: exception),
    };
}
