using System.Text.Json;

namespace Personalize.Cli.Benchmarks;

/// <summary>What an engine reaches, tokens a second unless said otherwise; medians over the runs.</summary>
internal sealed class ThroughputFigures
{
    private readonly List<double> _prefill512 = [];
    private readonly List<double> _decode0 = [];
    private readonly List<double> _decode512 = [];
    private readonly List<double> _verify8 = [];

    public double Prefill512 => Median(_prefill512);

    public double Decode0 => Median(_decode0);

    public double Decode512 => Median(_decode512);

    /// <summary>One pass over eight tokens with all their logits, in decode steps at the same depth; 0 where it was not measured.</summary>
    public double Verify8 => Median(_verify8);

    /// <summary>The largest resident memory of the process, in bytes; 0 where it was not measured.</summary>
    public long ResidentBytes { get; set; }

    public void AddPrefill512(double value) => _prefill512.Add(value);

    public void AddDecode0(double value) => _decode0.Add(value);

    public void AddDecode512(double value) => _decode512.Add(value);

    public void AddVerify8(double value) => _verify8.Add(value);

    public void Write(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject(name);
        json.WriteNumber("prefill512", Math.Round(Prefill512, 1));
        json.WriteNumber("decode0", Math.Round(Decode0, 1));
        json.WriteNumber("decode512", Math.Round(Decode512, 1));
        if (_verify8.Count > 0)
        {
            json.WriteNumber("verify8", Math.Round(Verify8, 3));
        }

        if (ResidentBytes > 0)
        {
            json.WriteNumber("residentBytes", ResidentBytes);
        }

        json.WriteEndObject();
    }

    private static double Median(List<double> values)
    {
        if (values.Count == 0)
        {
            return 0;
        }

        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
