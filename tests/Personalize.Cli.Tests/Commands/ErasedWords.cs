using System.Text;

namespace Personalize.Cli.Tests.Commands;

/// <summary>Words that a test records and erases, and the search for what is left of them.</summary>
internal static class ErasedWords
{
    public static readonly string[] All = ["Mondscheinsonate", "Kapellmeister"];

    /// <summary>Looks for the words in UTF-8 and UTF-16.</summary>
    public static void AssertNowhere(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            // Also what this process itself holds open for writing.
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var content = new MemoryStream();
            stream.CopyTo(content);
            var bytes = content.ToArray();
            foreach (var word in All)
            {
                Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(word)) < 0 && bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(word)) < 0, file);
            }
        }
    }
}
