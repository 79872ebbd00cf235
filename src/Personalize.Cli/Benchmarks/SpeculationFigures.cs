using System.Text.Json;
using Personalize.Inference.Generation;

namespace Personalize.Cli.Benchmarks;

/// <summary>One drafter over the prompts of one scenario, beside the same texts without it.</summary>
internal sealed class SpeculationFigures(string drafter)
{
    private double _plainSeconds;
    private double _seconds;
    private int _tokens;

    public string Drafter { get; } = drafter;

    public int Drafted { get; private set; }

    public int Accepted { get; private set; }

    public int GivenUp { get; private set; }

    public int Identical { get; private set; }

    public int Texts { get; private set; }

    public double PlainTokensPerSecond => _plainSeconds > 0 ? _tokens / _plainSeconds : 0;

    public double TokensPerSecond => _seconds > 0 ? _tokens / _seconds : 0;

    public double SpeedUp => _seconds > 0 ? _plainSeconds / _seconds : 0;

    public void Add(GenerationResult plain, GenerationResult fast)
    {
        Texts++;
        Identical += plain.Ids.SequenceEqual(fast.Ids) && plain.Text == fast.Text ? 1 : 0;
        Drafted += fast.DraftedTokens;
        Accepted += fast.AcceptedTokens;
        GivenUp += fast.SpeculationGivenUp ? 1 : 0;
        if (plain.DecodeTokensPerSecond > 0 && fast.DecodeTokensPerSecond > 0)
        {
            // The first token is the prefill's.
            _tokens += plain.Ids.Count - 1;
            _plainSeconds += (plain.Ids.Count - 1) / plain.DecodeTokensPerSecond;
            _seconds += (fast.Ids.Count - 1) / fast.DecodeTokensPerSecond;
        }
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("drafter", Drafter);
        json.WriteNumber("tokens", _tokens);
        json.WriteNumber("plainTokensPerSecond", Math.Round(PlainTokensPerSecond, 1));
        json.WriteNumber("tokensPerSecond", Math.Round(TokensPerSecond, 1));
        json.WriteNumber("speedUp", Math.Round(SpeedUp, 3));
        json.WriteNumber("draftedTokens", Drafted);
        json.WriteNumber("acceptedTokens", Accepted);
        json.WriteNumber("textsGivenUp", GivenUp);
        json.WriteNumber("texts", Texts);
        json.WriteNumber("identical", Identical);
        json.WriteEndObject();
    }
}
