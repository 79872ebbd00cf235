using System.CommandLine;
using Personalize.Core.Kernels;

namespace Personalize.Cli.Options;

/// <summary><c>--cache-type f32|f16|q8</c>: how keys and values are kept.</summary>
internal static class CacheTypeOption
{
    public const string Name = "--cache-type";
    private const string Single = "f32";
    private const string Half = "f16";
    private const string EightBits = "q8";

    public static Option<string?> Create() => new Option<string?>(Name)
    {
        Description = "How keys and values are kept: q8 takes half of f16's memory and is faster in long conversations [default: f16 where served, f32 where exact]",
        HelpName = $"{Single}|{Half}|{EightBits}",
    }.OneOf(Single, Half, EightBits);

    /// <summary>The format a word names; null where none was given.</summary>
    public static KeyValuePrecision? Parse(string? word) => word switch
    {
        null => null,
        Single => KeyValuePrecision.Single,
        Half => KeyValuePrecision.Half,
        _ => KeyValuePrecision.EightBits,
    };

    /// <summary>The word for a format.</summary>
    public static string WordFor(KeyValuePrecision precision) => precision switch
    {
        KeyValuePrecision.Single => Single,
        KeyValuePrecision.Half => Half,
        _ => EightBits,
    };
}
