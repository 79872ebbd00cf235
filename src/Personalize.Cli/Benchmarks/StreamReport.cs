using System.Text.Json;
using Personalize.Cli.Presentation;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Benchmarks;

/// <summary>What a long stream through a bounded cache showed.</summary>
/// <param name="Parts">Stretches of equal length, in order; at least one.</param>
/// <param name="DecodeStart">Tokens a second, one by one, once the window is full; null where the stream is too short.</param>
/// <param name="DecodeEnd">The same for the last tokens.</param>
/// <param name="SampleInStream">The losses of the sampled tokens in the stream.</param>
/// <param name="SampleRecomputed">The losses of the same tokens, each after at least as many tokens as the cache shows, computed anew.</param>
internal sealed record StreamReport(IReadOnlyList<StreamPart> Parts, double? DecodeStart, double? DecodeEnd, SequenceScore SampleInStream, SequenceScore SampleRecomputed)
{
    public SequenceScore Total => Parts.Aggregate(default(SequenceScore), (sum, part) => sum + part.Score);

    /// <summary>How many times the recomputed loss the stream's loss is; null where nothing was sampled.</summary>
    public double? LossOfRecomputed => SampleRecomputed.Tokens == 0 ? null : SampleInStream.MeanNll / SampleRecomputed.MeanNll;

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartArray("parts");
        foreach (var part in Parts)
        {
            json.WriteStartObject();
            json.WriteNumber("from", part.From);
            json.WriteNumber("tokens", part.Score.Tokens);
            json.WriteNumber("meanNll", part.Score.MeanNll);
            json.WriteNumber("tokensPerSecond", Math.Round(part.TokensPerSecond, 1));
            json.WriteNumber("residentBytes", part.ResidentBytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        AdapterText.WriteFigure(json, "decodeTokensPerSecondStart", DecodeStart);
        AdapterText.WriteFigure(json, "decodeTokensPerSecondEnd", DecodeEnd);
        json.WriteNumber("residentBytesStart", Parts[0].ResidentBytes);
        json.WriteNumber("residentBytesEnd", Parts[^1].ResidentBytes);
        if (SampleRecomputed.Tokens > 0)
        {
            json.WriteStartObject("recomputation");
            json.WriteNumber("tokens", SampleRecomputed.Tokens);
            json.WriteNumber("meanNll", SampleRecomputed.MeanNll);
            json.WriteNumber("streamMeanNll", SampleInStream.MeanNll);
            AdapterText.WriteFigure(json, "streamOfRecomputed", LossOfRecomputed);
            json.WriteEndObject();
        }
    }
}
