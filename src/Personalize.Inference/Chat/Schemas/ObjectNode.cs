namespace Personalize.Inference.Chat.Schemas;

/// <summary>A JSON object with the given members in the given order, the optional ones present or not.</summary>
internal sealed class ObjectNode : GrammarNode
{
    private readonly GrammarNode _space;
    private readonly GrammarNode _colon;
    private readonly ObjectMember[] _members;

    // The least that the required members from an index on take, each with its comma.
    private readonly int[] _required;

    // The least that one member from an index on takes, with the closing brace.
    private readonly int[] _cheapest;

    /// <summary>Takes the members in the order in which they are written.</summary>
    public ObjectNode(List<GrammarNode> nodes, GrammarNode space, GrammarNode colon, ObjectMember[] members)
        : base(nodes)
    {
        _space = space;
        _colon = colon;
        _members = members;
        _required = new int[members.Length + 1];
        _cheapest = new int[members.Length + 1];
        _cheapest[^1] = GrammarAutomaton.Unreachable;
        for (var i = members.Length - 1; i >= 0; i--)
        {
            var length = Add(Add(members[i].Name.MinimumLength(0), members[i].Value.MinimumLength(0)), 2);
            _required[i] = Add(_required[i + 1], members[i].IsRequired ? length : 0);
            _cheapest[i] = Math.Min(length, _cheapest[i + 1]);
        }
    }

    // The state is the phase in the low two bits and the first member that may still come above.
    private enum Phase
    {
        Brace,
        FirstMember,
        AfterMember,
        NextMember,
    }

    public override int MinimumLength(int state)
    {
        var index = state >> 2;
        return (Phase)(state & 3) switch
        {
            Phase.Brace => Add(1, Math.Max(1, _required[0])),

            // Each member's comma but one, and the closing brace, make up for each other.
            Phase.FirstMember => Math.Max(1, _required[index]),
            Phase.AfterMember => Add(1, _required[index]),
            _ => _required[index] > 0 ? _required[index] : _cheapest[index],
        };
    }

    public override void Step(GrammarAutomaton automaton, int state, int next, byte value)
    {
        var index = state >> 2;
        switch ((Phase)(state & 3))
        {
            case Phase.Brace when value == '{':
                automaton.Emit(automaton.PlaceOf(_space, 0, automaton.PlaceOf(this, (int)Phase.FirstMember, next)));
                break;
            case Phase.FirstMember or Phase.AfterMember when value == '}':
                if (_required[index] == 0)
                {
                    automaton.Emit(next);
                }

                break;
            case Phase.AfterMember when value == ',' && index < _members.Length:
                automaton.Emit(automaton.PlaceOf(_space, 0, automaton.PlaceOf(this, (index << 2) | (int)Phase.NextMember, next)));
                break;
            case Phase.FirstMember or Phase.NextMember when value == '"':
                StepIntoMembers(automaton, index, next, value);
                break;
            default:
                break;
        }
    }

    // Every optional member may come, up to the first required one, which cannot be left out.
    private void StepIntoMembers(GrammarAutomaton automaton, int index, int next, byte value)
    {
        for (var i = index; i < _members.Length; i++)
        {
            var member = _members[i];
            var following = member.Repeats ? i : i + 1;
            var after = automaton.PlaceOf(_space, 0, automaton.PlaceOf(this, (following << 2) | (int)Phase.AfterMember, next));
            var content = automaton.PlaceOf(_space, 0, automaton.PlaceOf(member.Value, 0, after));
            member.Name.Step(automaton, 0, automaton.PlaceOf(_space, 0, automaton.PlaceOf(_colon, 0, content)), value);
            if (member.IsRequired)
            {
                break;
            }
        }
    }
}
