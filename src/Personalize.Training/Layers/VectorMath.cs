using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Training.Layers;

/// <summary>The few vector operations that attention is made of. The lanes are always eight wide, so that results do not depend on the machine's width.</summary>
internal static unsafe class VectorMath
{
    public const int Lanes = 8;

    /// <summary>The next multiple of <see cref="Lanes"/>.</summary>
    public static int Pad(int length) => (length + Lanes - 1) / Lanes * Lanes;

    /// <summary><c>sum of a[i] b[i]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(float* a, float* b, int length)
    {
        var sum = Vector256<float>.Zero;
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            sum = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sum);
        }

        var total = Vector256.Sum(sum);
        for (; i < length; i++)
        {
            total = MathF.FusedMultiplyAdd(a[i], b[i], total);
        }

        return total;
    }

    /// <summary><c>result[j] = scale * dot(x, rows[j])</c> for <paramref name="count"/> rows that lie <paramref name="stride"/> elements apart.</summary>
    public static void Dots(float* x, float* rows, long stride, int count, int length, float scale, float* result)
    {
        var j = 0;
        for (; j + 4 <= count; j += 4)
        {
            // Four rows at a time hide the latency of the sums; each sum is formed exactly as in Dot.
            float* r0 = rows + (j * stride), r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
            Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
            var i = 0;
            for (; i + Lanes <= length; i += Lanes)
            {
                var value = Vector256.Load(x + i);
                s0 = Vector256.FusedMultiplyAdd(value, Vector256.Load(r0 + i), s0);
                s1 = Vector256.FusedMultiplyAdd(value, Vector256.Load(r1 + i), s1);
                s2 = Vector256.FusedMultiplyAdd(value, Vector256.Load(r2 + i), s2);
                s3 = Vector256.FusedMultiplyAdd(value, Vector256.Load(r3 + i), s3);
            }

            float t0 = Vector256.Sum(s0), t1 = Vector256.Sum(s1), t2 = Vector256.Sum(s2), t3 = Vector256.Sum(s3);
            for (; i < length; i++)
            {
                t0 = MathF.FusedMultiplyAdd(x[i], r0[i], t0);
                t1 = MathF.FusedMultiplyAdd(x[i], r1[i], t1);
                t2 = MathF.FusedMultiplyAdd(x[i], r2[i], t2);
                t3 = MathF.FusedMultiplyAdd(x[i], r3[i], t3);
            }

            result[j] = t0 * scale;
            result[j + 1] = t1 * scale;
            result[j + 2] = t2 * scale;
            result[j + 3] = t3 * scale;
        }

        for (; j < count; j++)
        {
            result[j] = Dot(x, rows + (j * stride), length) * scale;
        }
    }

    /// <summary>The largest of a multiple of <see cref="Lanes"/> elements.</summary>
    public static float Max(float* x, int length)
    {
        var lanes = Vector256.Load(x);
        for (var i = Lanes; i < length; i += Lanes)
        {
            lanes = Vector256.Max(lanes, Vector256.Load(x + i));
        }

        var max = lanes[0];
        for (var lane = 1; lane < Lanes; lane++)
        {
            max = Math.Max(max, lanes[lane]);
        }

        return max;
    }

    /// <summary><c>y[j] += sum over up to four b of weights[b, j] rows[b]</c> for <paramref name="count"/> rows y of <paramref name="length"/> elements.</summary>
    public static void AddOuterProduct(float* weights, int weightStride, float* rows, int rowStride, int rowCount, int count, int length, float* y, int yStride)
    {
        // Missing rows take part as the last one with weight 0, which keeps one loop for all.
        float* x0 = rows, x1 = rows + (Math.Min(1, rowCount - 1) * rowStride), x2 = rows + (Math.Min(2, rowCount - 1) * rowStride), x3 = rows + (Math.Min(3, rowCount - 1) * rowStride);
        for (var j = 0; j < count; j++, y += yStride)
        {
            float w0 = weights[j], w1 = rowCount > 1 ? weights[weightStride + j] : 0, w2 = rowCount > 2 ? weights[(2 * weightStride) + j] : 0, w3 = rowCount > 3 ? weights[(3 * weightStride) + j] : 0;
            Vector256<float> v0 = Vector256.Create(w0), v1 = Vector256.Create(w1), v2 = Vector256.Create(w2), v3 = Vector256.Create(w3);
            var i = 0;
            for (; i + Lanes <= length; i += Lanes)
            {
                var sum = Vector256.FusedMultiplyAdd(v0, Vector256.Load(x0 + i), Vector256.Load(y + i));
                sum = Vector256.FusedMultiplyAdd(v1, Vector256.Load(x1 + i), sum);
                sum = Vector256.FusedMultiplyAdd(v2, Vector256.Load(x2 + i), sum);
                Vector256.FusedMultiplyAdd(v3, Vector256.Load(x3 + i), sum).Store(y + i);
            }

            for (; i < length; i++)
            {
                y[i] = MathF.FusedMultiplyAdd(w3, x3[i], MathF.FusedMultiplyAdd(w2, x2[i], MathF.FusedMultiplyAdd(w1, x1[i], MathF.FusedMultiplyAdd(w0, x0[i], y[i]))));
            }
        }
    }

    /// <summary><c>y[i] (+)= sum over j of weights[j] rows[j][i]</c> for rows that lie <paramref name="stride"/> elements apart, in the order of j.</summary>
    public static void WeightedSum(float* weights, float* rows, long stride, int count, int length, float* y, bool accumulate)
    {
        const int Wide = 8 * Lanes;
        var i = 0;
        for (; i + Wide <= length; i += Wide)
        {
            Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
            var row = rows + i;
            for (var j = 0; j < count; j++, row += stride)
            {
                var weight = Vector256.Create(weights[j]);
                s0 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row), s0);
                s1 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + Lanes), s1);
                s2 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + (2 * Lanes)), s2);
                s3 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + (3 * Lanes)), s3);
                s4 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + (4 * Lanes)), s4);
                s5 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + (5 * Lanes)), s5);
                s6 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + (6 * Lanes)), s6);
                s7 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(row + (7 * Lanes)), s7);
            }

            Put(s0, y + i, accumulate);
            Put(s1, y + i + Lanes, accumulate);
            Put(s2, y + i + (2 * Lanes), accumulate);
            Put(s3, y + i + (3 * Lanes), accumulate);
            Put(s4, y + i + (4 * Lanes), accumulate);
            Put(s5, y + i + (5 * Lanes), accumulate);
            Put(s6, y + i + (6 * Lanes), accumulate);
            Put(s7, y + i + (7 * Lanes), accumulate);
        }

        for (; i + Lanes <= length; i += Lanes)
        {
            Vector256<float> sum = default;
            var row = rows + i;
            for (var j = 0; j < count; j++, row += stride)
            {
                sum = Vector256.FusedMultiplyAdd(Vector256.Create(weights[j]), Vector256.Load(row), sum);
            }

            Put(sum, y + i, accumulate);
        }

        for (; i < length; i++)
        {
            var sum = 0f;
            for (var j = 0; j < count; j++)
            {
                sum = MathF.FusedMultiplyAdd(weights[j], rows[(j * stride) + i], sum);
            }

            y[i] = accumulate ? y[i] + sum : sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> value, float* y, bool accumulate) => (accumulate ? Vector256.Load(y) + value : value).Store(y);
}
