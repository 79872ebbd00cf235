namespace Personalize.Inference.Chat.Schemas;

/// <summary>A compiled schema. Immutable; safe to share between threads, each of which follows it with an automaton of its own.</summary>
internal sealed class JsonGrammar
{
    private readonly GrammarNode _root;
    private readonly IReadOnlyList<GrammarNode> _nodes;

    /// <summary>Takes the nodes of the whole document.</summary>
    public JsonGrammar(GrammarNode root, IReadOnlyList<GrammarNode> nodes)
    {
        _root = root;
        _nodes = nodes;
    }

    /// <summary>The bytes of the shortest document.</summary>
    public int MinimumLength => _root.MinimumLength(0);

    /// <summary>Starts to follow the grammar.</summary>
    /// <param name="horizon">The bytes after which <see cref="GrammarAutomaton.Canonical"/> need not tell configurations apart.</param>
    /// <param name="capacity">How many configurations are remembered at once.</param>
    public GrammarAutomaton CreateAutomaton(int horizon = int.MaxValue, int capacity = 8192) => new(_root, _nodes, horizon, capacity);
}
