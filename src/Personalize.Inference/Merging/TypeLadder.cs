using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>In which types a merged tensor can be stored: the base's own, then ever wider ones.</summary>
internal static class TypeLadder
{
    public static GgmlType[] From(GgmlType original) => original switch
    {
        GgmlType.Q4_0 or GgmlType.Q4_1 => [original, GgmlType.Q8_0, GgmlType.F16],
        GgmlType.Q8_0 => [GgmlType.Q8_0, GgmlType.F16],
        GgmlType.F16 or GgmlType.BF16 => [original, GgmlType.F32],
        _ => [GgmlType.F32],
    };

    public static GgmlType TypeOf(WeightFormat format) => format switch
    {
        WeightFormat.Q4Zero => GgmlType.Q4_0,
        WeightFormat.Q4One => GgmlType.Q4_1,
        WeightFormat.Q8Zero => GgmlType.Q8_0,
        WeightFormat.Float16 => GgmlType.F16,
        WeightFormat.BFloat16 => GgmlType.BF16,
        WeightFormat.Float32 => GgmlType.F32,
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "not a weight format"),
    };

    public static WeightFormat FormatOf(GgmlType type) => type switch
    {
        GgmlType.Q4_0 => WeightFormat.Q4Zero,
        GgmlType.Q4_1 => WeightFormat.Q4One,
        GgmlType.Q8_0 => WeightFormat.Q8Zero,
        GgmlType.F16 => WeightFormat.Float16,
        GgmlType.BF16 => WeightFormat.BFloat16,
        GgmlType.F32 => WeightFormat.Float32,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a type that weights are packed in"),
    };

    /// <summary>Whether a block of the type has 16 levels, whose scale can be searched.</summary>
    public static bool HasSixteenLevels(GgmlType type) => type is GgmlType.Q4_0 or GgmlType.Q4_1;
}
