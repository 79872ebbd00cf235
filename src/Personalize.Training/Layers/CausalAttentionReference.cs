using Personalize.Training.Data;

namespace Personalize.Training.Layers;

/// <summary>The definition of <see cref="CausalAttention"/>, in double precision with the whole matrix of probabilities: what the fast one is tested against.</summary>
internal static class CausalAttentionReference
{
    /// <summary>The probabilities of one head of one example, <c>[length, length]</c>, zero above the diagonal.</summary>
    public static double[] Probabilities(AttentionShape shape, ExampleRange range, int head, ReadOnlySpan<float> q, ReadOnlySpan<float> k)
    {
        var p = new double[range.Length * range.Length];
        for (var i = 0; i < range.Length; i++)
        {
            var row = p.AsSpan(i * range.Length, i + 1);
            var max = double.NegativeInfinity;
            for (var j = 0; j <= i; j++)
            {
                var sum = 0d;
                for (var d = 0; d < shape.HeadDimension; d++)
                {
                    sum += (double)q[Query(shape, range.Start + i, head, d)] * k[KeyValue(shape, range.Start + j, head, d)];
                }

                row[j] = sum / Math.Sqrt(shape.HeadDimension);
                max = Math.Max(max, row[j]);
            }

            var total = 0d;
            for (var j = 0; j <= i; j++)
            {
                row[j] = Math.Exp(row[j] - max);
                total += row[j];
            }

            for (var j = 0; j <= i; j++)
            {
                row[j] /= total;
            }
        }

        return p;
    }

    /// <summary><c>o_i = sum over j of p_ij v_j</c>.</summary>
    public static void Forward(AttentionShape shape, IReadOnlyList<ExampleRange> ranges, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, Span<double> output)
    {
        output.Clear();
        foreach (var range in ranges)
        {
            for (var head = 0; head < shape.Heads; head++)
            {
                var p = Probabilities(shape, range, head, q, k);
                for (var i = 0; i < range.Length; i++)
                {
                    for (var j = 0; j <= i; j++)
                    {
                        for (var d = 0; d < shape.HeadDimension; d++)
                        {
                            output[Query(shape, range.Start + i, head, d)] += p[(i * range.Length) + j] * v[KeyValue(shape, range.Start + j, head, d)];
                        }
                    }
                }
            }
        }
    }

    /// <summary>The gradients of q, k and v from that of the output, by the textbook chain through the softmax.</summary>
    public static void Backward(AttentionShape shape, IReadOnlyList<ExampleRange> ranges, ReadOnlySpan<float> q, ReadOnlySpan<float> k, ReadOnlySpan<float> v, ReadOnlySpan<float> dOutput, Span<double> dq, Span<double> dk, Span<double> dv)
    {
        dq.Clear();
        dk.Clear();
        dv.Clear();
        foreach (var range in ranges)
        {
            var dp = new double[range.Length];
            for (var head = 0; head < shape.Heads; head++)
            {
                var p = Probabilities(shape, range, head, q, k);
                for (var i = 0; i < range.Length; i++)
                {
                    var mean = 0d;
                    for (var j = 0; j <= i; j++)
                    {
                        dp[j] = 0;
                        for (var d = 0; d < shape.HeadDimension; d++)
                        {
                            double gradient = dOutput[Query(shape, range.Start + i, head, d)];
                            dp[j] += gradient * v[KeyValue(shape, range.Start + j, head, d)];
                            dv[KeyValue(shape, range.Start + j, head, d)] += p[(i * range.Length) + j] * gradient;
                        }

                        mean += p[(i * range.Length) + j] * dp[j];
                    }

                    for (var j = 0; j <= i; j++)
                    {
                        var ds = p[(i * range.Length) + j] * (dp[j] - mean) / Math.Sqrt(shape.HeadDimension);
                        for (var d = 0; d < shape.HeadDimension; d++)
                        {
                            dq[Query(shape, range.Start + i, head, d)] += ds * k[KeyValue(shape, range.Start + j, head, d)];
                            dk[KeyValue(shape, range.Start + j, head, d)] += ds * q[Query(shape, range.Start + i, head, d)];
                        }
                    }
                }
            }
        }
    }

    private static int Query(AttentionShape shape, int token, int head, int d) => (token * shape.QuerySize) + (head * shape.HeadDimension) + d;

    private static int KeyValue(AttentionShape shape, int token, int head, int d) => (token * shape.KeyValueSize) + (head / shape.GroupSize * shape.HeadDimension) + d;
}
