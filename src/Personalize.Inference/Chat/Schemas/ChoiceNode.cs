namespace Personalize.Inference.Chat.Schemas;

/// <summary>One of several nodes; it is left for them with the first byte, so it has no state.</summary>
internal sealed class ChoiceNode : GrammarNode
{
    private readonly GrammarNode[] _alternatives;
    private readonly int _minimum;

    /// <summary>Takes nodes none of which may be empty.</summary>
    public ChoiceNode(List<GrammarNode> nodes, GrammarNode[] alternatives)
        : base(nodes)
    {
        _alternatives = alternatives;
        _minimum = alternatives.Min(node => node.MinimumLength(0));
    }

    public override int MinimumLength(int state) => _minimum;

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        foreach (var alternative in _alternatives)
        {
            alternative.Step(automaton, 0, next, value);
        }
    }
}
