namespace Personalize.Core.Errors;

/// <summary>Stored data was damaged, exchanged or tampered with. What is whole can still be read and exported.</summary>
public sealed class StoreIntegrityException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">The broken invariant.</param>
    /// <param name="path">The file at fault, or the profile's folder.</param>
    /// <param name="message">What and what to do, in one line without any of the person's text.</param>
    /// <param name="table">The table or the kind of file, where one is at fault.</param>
    /// <param name="row">The row's id or the entry's name, where one is at fault.</param>
    /// <param name="innerException">What caused it, if another exception did.</param>
    public StoreIntegrityException(StoreIntegrityError error, string path, string message, string? table = null, string? row = null, Exception? innerException = null)
        : base(Describe(path, table, row) + message, innerException)
    {
        Error = error;
        Path = path;
        Table = table;
        Row = row;
    }

    /// <summary>The broken invariant.</summary>
    public StoreIntegrityError Error { get; }

    /// <summary>The file at fault, or the profile's folder.</summary>
    public string Path { get; }

    /// <summary>The table or the kind of file, where one is at fault.</summary>
    public string? Table { get; }

    /// <summary>The row's id or the entry's name, where one is at fault.</summary>
    public string? Row { get; }

    private static string Describe(string path, string? table, string? row)
        => (table, row) switch
        {
            (null, _) => $"{path}: ",
            (_, null) => $"{path}, {table}: ",
            _ => $"{path}, {table} {row}: ",
        };
}
