namespace Personalize.Inference.Chat.Schemas;

/// <summary>A JSON array of equal items, their number within bounds.</summary>
internal sealed class ArrayNode : GrammarNode
{
    private readonly GrammarNode _space;
    private readonly GrammarNode _item;
    private readonly int _minItems;
    private readonly int? _maxItems;

    /// <summary>Takes bounds of which the upper one is not below the lower one.</summary>
    public ArrayNode(List<GrammarNode> nodes, GrammarNode space, GrammarNode item, int minItems = 0, int? maxItems = null)
        : base(nodes)
    {
        _space = space;
        _item = item;
        _minItems = minItems;
        _maxItems = maxItems;
    }

    // The state is the phase in the low two bits and the number of items above.
    private enum Phase
    {
        Bracket,
        FirstItem,
        AfterItem,
    }

    public override int MinimumLength(int state)
    {
        var item = Add(_item.MinimumLength(0), 1);
        return (Phase)(state & 3) switch
        {
            Phase.Bracket => Add(1, Inside()),
            Phase.FirstItem => Inside(),
            _ => Add(1, Multiply(Math.Max(0, _minItems - (state >> 2)), item)),
        };

        // The comma that each item is counted with stands for the closing bracket at the last one.
        int Inside() => _minItems == 0 ? 1 : Multiply(_minItems, item);
    }

    public override int Canonical(int state, int horizon) => (CanonicalCount(state >> 2, _minItems, _maxItems, horizon) << 2) | (state & 3);

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        var count = state >> 2;
        switch ((Phase)(state & 3))
        {
            case Phase.Bracket when value == '[':
                automaton.Emit(automaton.PlaceOf(_space, 0, automaton.PlaceOf(this, (int)Phase.FirstItem, next)));
                break;
            case Phase.FirstItem or Phase.AfterItem when value == ']':
                if (count >= _minItems)
                {
                    automaton.Emit(next);
                }

                break;
            case Phase.FirstItem when _maxItems != 0:
                _item.Step(automaton, 0, AfterItem(automaton, count, next), value);
                break;
            case Phase.AfterItem when value == ',' && count != _maxItems:
                automaton.Emit(automaton.PlaceOf(_space, 0, automaton.PlaceOf(_item, 0, AfterItem(automaton, count, next))));
                break;
            default:
                break;
        }
    }

    private int AfterItem(GrammarAutomaton automaton, int count, int next)
    {
        // Without an upper bound, what is past the lower one need not be told apart.
        var after = _maxItems is null ? Math.Min(count + 1, _minItems) : count + 1;
        return automaton.PlaceOf(_space, 0, automaton.PlaceOf(this, (after << 2) | (int)Phase.AfterItem, next));
    }
}
