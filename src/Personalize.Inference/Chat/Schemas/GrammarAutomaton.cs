using System.Runtime.InteropServices;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>
/// Follows a grammar byte by byte. A place is a node, its state and the place after it: a stack as a linked list, each one stored once. A configuration is the set of places at which the text may stand;
/// configurations are numbered and their transitions remembered, so that a byte that was seen before in a configuration costs one look-up and allocates nothing. Not thread-safe.
/// </summary>
internal sealed class GrammarAutomaton
{
    /// <summary>The configuration in which the text no longer fits.</summary>
    public const int Dead = -1;

    /// <summary>The largest distance; never reached by a grammar that some text fits.</summary>
    public const int Unreachable = int.MaxValue / 4;

    private const int Unknown = -2;
    private const int End = 0;
    private const int BytesPerConfiguration = 256;

    private readonly IReadOnlyList<GrammarNode> _nodes;
    private readonly GrammarNode _root;
    private readonly int _horizon;
    private readonly int _capacity;
    private readonly Dictionary<Place, int> _placeIds = [];
    private readonly List<Place> _places = [];
    private readonly List<int> _placeDistances = [];
    private readonly Dictionary<int, int> _firstByHash = [];
    private readonly List<Configuration> _configurations = [];
    private readonly List<int> _members = [];
    private readonly List<int> _transitions = [];
    private readonly List<int> _canonicals = [];
    private readonly List<int> _emitted = [];

    // The round in which a place was emitted last, so that none is emitted twice in one.
    private readonly List<int> _rounds = [];
    private int _round;

    /// <summary>Starts at the beginning of a grammar.</summary>
    /// <param name="root">The node that the whole text must fit.</param>
    /// <param name="nodes">All nodes, by id.</param>
    /// <param name="horizon">The bytes after which <see cref="Canonical"/> need not tell configurations apart.</param>
    /// <param name="capacity">How many configurations are remembered before <see cref="Trim"/> forgets them.</param>
    public GrammarAutomaton(GrammarNode root, IReadOnlyList<GrammarNode> nodes, int horizon, int capacity)
    {
        _root = root;
        _nodes = nodes;
        _horizon = horizon;
        _capacity = capacity;
        Clear();
        Start = CreateStart();
    }

    /// <summary>The configuration before the first byte.</summary>
    public int Start { get; private set; }

    /// <summary>How many configurations are remembered.</summary>
    public int Count => _configurations.Count;

    /// <summary>The place of a node that goes on elsewhere when it ends.</summary>
    public int PlaceOf(GrammarNode node, int state, int next)
    {
        var place = new Place(node.Id, state, next);
        ref var id = ref CollectionsMarshal.GetValueRefOrAddDefault(_placeIds, place, out var exists);
        if (!exists)
        {
            id = _places.Count;
            _places.Add(place);
            _rounds.Add(-1);
            _placeDistances.Add((int)Math.Min((long)node.MinimumLength(state) + _placeDistances[next], Unreachable));
        }

        return id;
    }

    /// <summary>Called by nodes in <see cref="GrammarNode.Step"/>: the text may now stand here.</summary>
    public void Emit(int place)
    {
        if (_rounds[place] != _round)
        {
            _rounds[place] = _round;
            _emitted.Add(place);
        }
    }

    /// <summary>Called by nodes that have ended: the byte belongs to what comes after.</summary>
    public void Advance(int place, byte value)
    {
        if (place != End)
        {
            var (node, state, next) = _places[place];
            _nodes[node].Step(this, state, next, value);
        }
    }

    /// <summary>The configuration after a byte, or <see cref="Dead"/>.</summary>
    public int Next(int configuration, byte value)
    {
        var known = _transitions[(configuration * BytesPerConfiguration) + value];
        return known != Unknown ? known : Compute(configuration, value);
    }

    /// <summary>A configuration that takes the same bytes and lies as far from its end, for as many bytes as the horizon: one for many that differ in their counts.</summary>
    public int Canonical(int configuration)
    {
        if (_canonicals[configuration] == Unknown)
        {
            BeginRound();
            var entry = _configurations[configuration];
            for (var i = 0; i < entry.MemberCount; i++)
            {
                Emit(CanonicalPlace(_members[entry.FirstMember + i]));
            }

            var canonical = Intern();
            _canonicals[configuration] = canonical;
        }

        return _canonicals[configuration];
    }

    /// <summary>Whether the text may end here.</summary>
    public bool IsComplete(int configuration) => _configurations[configuration].IsComplete;

    /// <summary>The fewest bytes until the text may end.</summary>
    public int Distance(int configuration) => _configurations[configuration].Distance;

    /// <summary>Forgets everything but one configuration once there are too many.</summary>
    /// <returns>Whether numbers changed; <paramref name="configuration"/> then is the new one.</returns>
    public bool Trim(ref int configuration)
    {
        if (_configurations.Count <= _capacity)
        {
            return false;
        }

        var places = _places.ToArray();
        var kept = Members(configuration).ToArray();
        Clear();
        Start = CreateStart();
        BeginRound();
        var renamed = new Dictionary<int, int> { [End] = End };
        foreach (var place in kept)
        {
            Emit(Rename(places, renamed, place));
        }

        configuration = Intern();
        return true;
    }

    private void BeginRound()
    {
        _emitted.Clear();
        _round = (_round + 1) & int.MaxValue;
    }

    private int CanonicalPlace(int place)
    {
        if (place == End)
        {
            return End;
        }

        var (node, state, next) = _places[place];
        return PlaceOf(_nodes[node], _nodes[node].Canonical(state, _horizon), CanonicalPlace(next));
    }

    private int Rename(Place[] places, Dictionary<int, int> renamed, int place)
    {
        if (!renamed.TryGetValue(place, out var id))
        {
            var (node, state, next) = places[place];
            id = PlaceOf(_nodes[node], state, Rename(places, renamed, next));
            renamed.Add(place, id);
        }

        return id;
    }

    private void Clear()
    {
        _placeIds.Clear();
        _places.Clear();
        _placeDistances.Clear();
        _firstByHash.Clear();
        _configurations.Clear();
        _members.Clear();
        _transitions.Clear();
        _canonicals.Clear();
        _rounds.Clear();
        _places.Add(default);
        _placeDistances.Add(0);
        _rounds.Add(-1);
    }

    private int CreateStart()
    {
        BeginRound();
        Emit(PlaceOf(_root, 0, End));
        return Intern();
    }

    private Span<int> Members(int configuration)
    {
        var entry = _configurations[configuration];
        return CollectionsMarshal.AsSpan(_members).Slice(entry.FirstMember, entry.MemberCount);
    }

    private int Compute(int configuration, byte value)
    {
        BeginRound();
        var entry = _configurations[configuration];
        for (var i = 0; i < entry.MemberCount; i++)
        {
            Advance(_members[entry.FirstMember + i], value);
        }

        var result = _emitted.Count == 0 ? Dead : Intern();
        _transitions[(configuration * BytesPerConfiguration) + value] = result;
        return result;
    }

    // The emitted places as a configuration: an equal one is found by its hash.
    private int Intern()
    {
        _emitted.Sort();
        var members = CollectionsMarshal.AsSpan(_emitted);
        var hash = default(HashCode);
        hash.AddBytes(MemoryMarshal.AsBytes(members));
        ref var first = ref CollectionsMarshal.GetValueRefOrAddDefault(_firstByHash, hash.ToHashCode(), out var exists);
        for (var candidate = exists ? first : Dead; candidate != Dead; candidate = _configurations[candidate].NextOfHash)
        {
            if (Members(candidate).SequenceEqual(members))
            {
                return candidate;
            }
        }

        var isComplete = false;
        var distance = Unreachable;
        foreach (var place in members)
        {
            isComplete |= CanEnd(place);
            distance = Math.Min(distance, _placeDistances[place]);
        }

        var id = _configurations.Count;
        _configurations.Add(new Configuration(_members.Count, members.Length, exists ? first : Dead, isComplete, distance));
        first = id;
        _members.AddRange(members);
        _canonicals.Add(Unknown);
        CollectionsMarshal.SetCount(_transitions, _transitions.Count + BytesPerConfiguration);
        CollectionsMarshal.AsSpan(_transitions)[^BytesPerConfiguration..].Fill(Unknown);
        return id;
    }

    private bool CanEnd(int place)
    {
        for (; place != End; place = _places[place].Next)
        {
            if (!_nodes[_places[place].Node].CanEnd(_places[place].State))
            {
                return false;
            }
        }

        return true;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Place(int Node, int State, int Next);

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Configuration(int FirstMember, int MemberCount, int NextOfHash, bool IsComplete, int Distance);
}
