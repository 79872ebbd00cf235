namespace Personalize.Inference.Chat.Schemas;

/// <summary>A JSON number or integer. The digits are bounded, so that every integer fits 64 bits and every number is finite in double precision.</summary>
internal sealed class NumberNode(List<GrammarNode> nodes, bool isInteger) : GrammarNode(nodes)
{
    private const int IntegerDigits = 18;
    private const int FractionDigits = 17;
    private const int ExponentDigits = 2;

    // The state is the phase in the low four bits and the digits of that phase above.
    private enum Phase
    {
        Start,
        Minus,
        Zero,
        Integer,
        Point,
        Fraction,
        Exponent,
        ExponentSign,
        ExponentDigit,
    }

    public override int MinimumLength(int state) => CanEnd(state) ? 0 : 1;

    public override bool CanEnd(int state) => PhaseOf(state) is Phase.Zero or Phase.Integer or Phase.Fraction or Phase.ExponentDigit;

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        var after = Next(PhaseOf(state), state >> 4, value);
        if (after >= 0)
        {
            automaton.Emit(automaton.PlaceOf(this, after, next));
        }
        else if (CanEnd(state))
        {
            automaton.Advance(next, value);
        }
    }

    private static Phase PhaseOf(int state) => (Phase)(state & 15);

    private static int State(Phase phase, int digits = 0) => (digits << 4) | (int)phase;

    private int Next(Phase phase, int digits, byte value)
    {
        var isDigit = value is >= (byte)'0' and <= (byte)'9';
        return phase switch
        {
            Phase.Start when value == '-' => State(Phase.Minus),
            Phase.Start or Phase.Minus when value == '0' => State(Phase.Zero),
            Phase.Start or Phase.Minus when isDigit => State(Phase.Integer, 1),
            Phase.Integer when isDigit && digits < IntegerDigits => State(Phase.Integer, digits + 1),
            Phase.Zero or Phase.Integer when value == '.' && !isInteger => State(Phase.Point),
            Phase.Point when isDigit => State(Phase.Fraction, 1),
            Phase.Fraction when isDigit && digits < FractionDigits => State(Phase.Fraction, digits + 1),
            Phase.Zero or Phase.Integer or Phase.Fraction when value is (byte)'e' or (byte)'E' && !isInteger => State(Phase.Exponent),
            Phase.Exponent when value is (byte)'+' or (byte)'-' => State(Phase.ExponentSign),
            Phase.Exponent or Phase.ExponentSign when isDigit => State(Phase.ExponentDigit, 1),
            Phase.ExponentDigit when isDigit && digits < ExponentDigits => State(Phase.ExponentDigit, digits + 1),
            _ => -1,
        };
    }
}
