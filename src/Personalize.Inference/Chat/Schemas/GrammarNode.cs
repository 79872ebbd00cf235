namespace Personalize.Inference.Chat.Schemas;

/// <summary>A part of a grammar over bytes, such as a literal or an array. A node is immutable; how far it has come is a state, a number whose meaning only the node knows, 0 at its start.</summary>
internal abstract class GrammarNode
{
    protected GrammarNode(List<GrammarNode> nodes)
    {
        Id = nodes.Count;
        nodes.Add(this);
    }

    /// <summary>The node's index among those of its grammar.</summary>
    public int Id { get; }

    /// <summary>The fewest bytes from a state to the node's end. Exact: where it is n > 0, some byte leads to n - 1.</summary>
    public abstract int MinimumLength(int state);

    /// <summary>Whether nothing more needs to come; the node may still go on.</summary>
    public virtual bool CanEnd(int state) => false;

    /// <summary>The one of all states that differ from this one only by bounds too far away to be met within some bytes.</summary>
    /// <param name="state">A state.</param>
    /// <param name="horizon">The number of bytes.</param>
    public virtual int Canonical(int state, int horizon) => state;

    /// <summary>Takes a byte and emits each place to which it may lead; none when the byte does not fit.</summary>
    /// <param name="automaton">Receives the places.</param>
    /// <param name="state">How far this node has come.</param>
    /// <param name="next">The place after this node.</param>
    /// <param name="value">The byte.</param>
    public abstract void Step(GrammarAutomaton automaton, int state, int next, byte value);

    /// <summary>A count between bounds, as <see cref="Canonical"/> has it: past the lower one, and with the upper one out of sight, it is the lower one.</summary>
    protected static int CanonicalCount(int count, int minimum, int? maximum, int horizon) => count > minimum && maximum - count >= horizon ? minimum : count;

    /// <summary>A sum of lengths that stays at the largest number.</summary>
    protected static int Add(int left, int right) => (int)Math.Min((long)left + right, GrammarAutomaton.Unreachable);

    /// <summary>A product of a count and a length that stays at the largest number.</summary>
    protected static int Multiply(int count, int length) => (int)Math.Min((long)count * length, GrammarAutomaton.Unreachable);
}
