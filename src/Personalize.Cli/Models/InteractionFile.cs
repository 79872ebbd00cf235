using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Profiles;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Models;

/// <summary>Interactions of a file that are used without being stored.</summary>
internal static class InteractionFile
{
    /// <summary>Reads some rows; every line that is not blank is a row.</summary>
    /// <exception cref="InputFileException">The file is missing or unreadable, or one of the rows is bad.</exception>
    /// <exception cref="UsageException">The file has fewer rows.</exception>
    public static List<Interaction> Read(string path, RowRange? rows)
    {
        using var file = TextFile.Open(path);
        var chosen = new List<Interaction>();
        var row = 0;
        foreach (var line in InteractionJsonLines.Read(file, OwnConsent.Source))
        {
            if (rows is not null && row > rows.Last)
            {
                break;
            }

            if (rows is null || row >= rows.First)
            {
                chosen.Add(line.Interaction ?? throw new InputFileException(path, $"{line}: correct the line"));
            }

            row++;
        }

        return rows is null || chosen.Count == rows.Count
            ? chosen
            : throw new UsageException($"--rows {rows.First}..{rows.Last} is out of range: the file has {row} rows, counted from 0");
    }
}
