namespace Personalize.Inference.Chat.Schemas;

/// <summary>White space between the parts of a document, bounded so that a model cannot write it for ever; the state is how much has come.</summary>
internal sealed class SpaceNode(List<GrammarNode> nodes) : GrammarNode(nodes)
{
    /// <summary>Enough for a line break and the indentation of a deep document.</summary>
    public const int Limit = 32;

    public override int MinimumLength(int state) => 0;

    public override bool CanEnd(int state) => true;

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        // Nothing that may follow starts with white space.
        if (value is not ((byte)' ' or (byte)'\n' or (byte)'\t'))
        {
            automaton.Advance(next, value);
        }
        else if (state < Limit)
        {
            automaton.Emit(automaton.PlaceOf(this, state + 1, next));
        }
    }
}
