namespace Personalize.Inference.Chat.Schemas;

/// <summary>A JSON string of any characters: valid UTF-8 (RFC 3629), escapes only of single characters (never half of a surrogate pair), and a number of characters within bounds.</summary>
internal sealed class StringNode : GrammarNode
{
    private readonly int _minLength;
    private readonly int? _maxLength;
    private readonly SpellableBytes _bytes;

    /// <summary>Bounds the characters, counted as Unicode code points.</summary>
    public StringNode(List<GrammarNode> nodes, SpellableBytes bytes, int minLength = 0, int? maxLength = null)
        : base(nodes)
    {
        _bytes = bytes;
        _minLength = minLength;
        _maxLength = maxLength;
    }

    // The state is the phase in the low four bits and above it the characters so far, the one under way included.
    private enum Phase
    {
        Quote,
        Body,
        Escape,
        Hex4,
        Hex3,
        Hex3AfterD,
        Hex2,
        Hex1,
        Tail1,
        Tail2,
        Tail3,
        TailAfterE0,
        TailAfterEd,
        TailAfterF0,
        TailAfterF4,
    }

    public override int MinimumLength(int state)
    {
        var inCharacter = (Phase)(state & 15) switch
        {
            Phase.Quote => 1,
            Phase.Escape or Phase.Hex1 or Phase.Tail1 => 1,
            Phase.Hex2 or Phase.Tail2 or Phase.TailAfterE0 or Phase.TailAfterEd => 2,
            Phase.Hex3 or Phase.Hex3AfterD or Phase.Tail3 or Phase.TailAfterF0 or Phase.TailAfterF4 => 3,
            Phase.Hex4 => 4,
            _ => 0,
        };
        return Add(inCharacter + 1, Math.Max(0, _minLength - (state >> 4)));
    }

    public override int Canonical(int state, int horizon) => (CanonicalCount(state >> 4, _minLength, _maxLength, horizon) << 4) | (state & 15);

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        var count = state >> 4;
        if ((Phase)(state & 15) == Phase.Body && value == '"')
        {
            if (count >= _minLength)
            {
                automaton.Emit(next);
            }

            return;
        }

        var phase = Next((Phase)(state & 15), value);
        if (phase is null)
        {
            return;
        }

        if ((Phase)(state & 15) == Phase.Body)
        {
            if (count == _maxLength)
            {
                return;
            }

            // Without an upper bound, what is past the lower one need not be told apart.
            count = _maxLength is null ? Math.Min(count + 1, _minLength) : count + 1;
        }

        automaton.Emit(automaton.PlaceOf(this, (count << 4) | (int)phase.Value, next));
    }

    private static Phase? Within(byte value, int first, int last, Phase next) => value >= first && value <= last ? next : null;

    private static Phase? Hex(byte value, Phase next) => char.IsAsciiHexDigit((char)value) ? next : null;

    private Phase? Next(Phase phase, byte value) => phase switch
    {
        Phase.Quote => value == '"' ? Phase.Body : null,
        Phase.Body => NextCharacter(value),
        Phase.Escape => value == 'u' ? Phase.Hex4 : "\"\\/bfnrt"u8.Contains(value) ? Phase.Body : null,
        Phase.Hex4 => value is (byte)'d' or (byte)'D' ? Phase.Hex3AfterD : Hex(value, Phase.Hex3),

        // U+D800 to U+DFFF are halves of pairs.
        Phase.Hex3AfterD => Within(value, '0', '7', Phase.Hex2),
        Phase.Hex3 => Hex(value, Phase.Hex2),
        Phase.Hex2 => Hex(value, Phase.Hex1),
        Phase.Hex1 => Hex(value, Phase.Body),
        Phase.Tail1 => Within(value, 0x80, 0xBF, Phase.Body),
        Phase.Tail2 => Within(value, 0x80, 0xBF, Phase.Tail1),
        Phase.Tail3 => Within(value, 0x80, 0xBF, Phase.Tail2),
        Phase.TailAfterE0 => Within(value, 0xA0, 0xBF, Phase.Tail1),
        Phase.TailAfterEd => Within(value, 0x80, 0x9F, Phase.Tail1),
        Phase.TailAfterF0 => Within(value, 0x90, 0xBF, Phase.Tail2),
        Phase.TailAfterF4 => Within(value, 0x80, 0x8F, Phase.Tail2),
        _ => null,
    };

    private Phase? NextCharacter(byte value)
    {
        if (value is >= 0x20 and < 0x80)
        {
            return value == '\\' ? Phase.Escape : Phase.Body;
        }

        // A character may only be begun where each way to end it can be spelled.
        return _bytes.HaveContinuations ? value switch
        {
            >= 0xC2 and <= 0xDF => Phase.Tail1,
            0xE0 => Phase.TailAfterE0,
            0xED => Phase.TailAfterEd,
            >= 0xE1 and <= 0xEF => Phase.Tail2,
            0xF0 => Phase.TailAfterF0,
            >= 0xF1 and <= 0xF3 => Phase.Tail3,
            0xF4 => Phase.TailAfterF4,
            _ => null,
        } : null;
    }
}
