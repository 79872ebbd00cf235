namespace Personalize.Cli.Hosting;

/// <summary>What a terminal says it can show.</summary>
internal static class TerminalEncoding
{
    private static readonly string[] Locales = ["LC_ALL", "LC_CTYPE", "LANG"];

    /// <summary>Whether it shows characters outside ASCII: not where <c>TERM</c> is <c>dumb</c> or <c>LC_ALL</c>, <c>LC_CTYPE</c>, <c>LANG</c>, the first of them that is set, names a locale without UTF-8. Where none is set it is taken to, as terminals of today do.</summary>
    /// <param name="variable">Reads a variable of the environment.</param>
    public static bool IsUnicode(Func<string, string?> variable)
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        var locale = Locales.Select(variable).FirstOrDefault(value => !string.IsNullOrEmpty(value));
        return variable("TERM") != "dumb" && (locale is null || locale.Replace("-", "", StringComparison.Ordinal).Contains("UTF8", StringComparison.OrdinalIgnoreCase));
    }
}
