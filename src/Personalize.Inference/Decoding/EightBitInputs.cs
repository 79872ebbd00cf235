using Personalize.Core.Adapters;
using Personalize.Core.Kernels;

namespace Personalize.Inference.Decoding;

/// <summary>
/// What other engines make of the inputs of quantized maps: blocks of 32 with 8 bits a value, <c>q = round(x * 127 / max|x|)</c>, and one scale <c>max|x| / 127</c> in half precision (llama.cpp's Q8_0 and Q8_1).
/// A session in single precision that is given one computes the chosen maps from rounded inputs, so that what the rounding costs can be told without such an engine.
/// </summary>
/// <param name="isRounded">Whether a map of a layer gets a rounded input.</param>
/// <param name="isOutputLayerRounded">Whether the output layer does.</param>
internal sealed unsafe class EightBitInputs(Func<int, LinearModule, bool> isRounded, bool isOutputLayerRounded) : IDisposable
{
    private const int Block = 32;
    private const float Steps = 127;
    private NativeBuffer<float> _rounded = new(0);

    /// <summary>The input of a map of a layer: <paramref name="x"/> itself, or a rounded copy that stays until the next call.</summary>
    public float* Of(int layer, LinearModule module, float* x, int length) => isRounded(layer, module) ? Round(x, length) : x;

    /// <summary>The input of the output layer, as <see cref="Of"/>.</summary>
    public float* OfOutputLayer(float* x, int length) => isOutputLayerRounded ? Round(x, length) : x;

    /// <summary>Rounds whole blocks.</summary>
    public static void Round(ReadOnlySpan<float> source, Span<float> destination)
    {
        for (var at = 0; at < source.Length; at += Block)
        {
            var values = source.Slice(at, Block);
            var largest = 0f;
            foreach (var value in values)
            {
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            var inverse = largest > 0 ? Steps / largest : 0;
            var scale = (float)(Half)(largest / Steps);
            for (var i = 0; i < Block; i++)
            {
                destination[at + i] = MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero) * scale;
            }
        }
    }

    public void Dispose() => _rounded.Dispose();

    private float* Round(float* x, int length)
    {
        if (length > _rounded.Length)
        {
            _rounded.Dispose();
            _rounded = new NativeBuffer<float>(length);
        }

        Round(new ReadOnlySpan<float>(x, length), new Span<float>(_rounded.Pointer, length));
        return _rounded.Pointer;
    }
}
