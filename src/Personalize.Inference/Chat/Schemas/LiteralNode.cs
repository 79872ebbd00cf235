namespace Personalize.Inference.Chat.Schemas;

/// <summary>Fixed bytes; the state is how many of them have come.</summary>
internal sealed class LiteralNode : GrammarNode
{
    private readonly byte[] _bytes;

    /// <summary>Takes at least one byte.</summary>
    public LiteralNode(List<GrammarNode> nodes, byte[] bytes)
        : base(nodes) => _bytes = bytes;

    public override int MinimumLength(int state) => _bytes.Length - state;

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        if (_bytes[state] == value)
        {
            automaton.Emit(state + 1 == _bytes.Length ? next : automaton.PlaceOf(this, state + 1, next));
        }
    }
}
