using System.Diagnostics.CodeAnalysis;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>A dictionary with text keys that keeps its order. Keys carry provenance too: a template may write them out.</summary>
internal sealed class MapValue : TemplateValue
{
    private readonly List<KeyValuePair<TemplateText, TemplateValue>> _entries = [];
    private readonly Dictionary<string, int> _positions = new(StringComparer.Ordinal);

    /// <summary>Later entries of the same key replace the value, as in Python and JSON.</summary>
    public MapValue(IEnumerable<KeyValuePair<TemplateText, TemplateValue>> entries)
    {
        foreach (var entry in entries)
        {
            if (_positions.TryGetValue(entry.Key.Value, out var position))
            {
                _entries[position] = new(_entries[position].Key, entry.Value);
            }
            else
            {
                _positions.Add(entry.Key.Value, _entries.Count);
                _entries.Add(entry);
            }
        }
    }

    public IReadOnlyList<KeyValuePair<TemplateText, TemplateValue>> Entries => _entries;

    public override string Kind => "mapping";

    public override bool IsTrue => _entries.Count > 0;

    /// <inheritdoc/>
    public override TemplateValue? GetAttribute(string name) => MapMethods.Find(this, name) ?? (TryGet(name, out var value) ? value : null);

    public bool Contains(string key) => _positions.ContainsKey(key);

    public bool TryGet(string key, [NotNullWhen(true)] out TemplateValue? value)
    {
        value = _positions.TryGetValue(key, out var position) ? _entries[position].Value : null;
        return value is not null;
    }
}
