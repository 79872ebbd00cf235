using System.Text.Json;
using Personalize.Core.Tokenization;
using Personalize.Inference.Chat.Schemas;

namespace Personalize.Inference.Chat;

/// <summary>The schemas that were asked for lately, each compiled once, with the constraints that are warm and not in use. Safe to use from several threads.</summary>
internal sealed class ConstraintPool
{
    private const int RememberedSchemas = 16;
    private const int WarmConstraints = 4;

    private readonly Lock _gate = new();
    private readonly ITokenizer _tokenizer;
    private readonly Lazy<VocabularyTrie> _trie;

    // The latest last; null stands for any JSON object.
    private readonly List<Entry> _entries = [];

    /// <summary>Lays nothing out before the first schema.</summary>
    public ConstraintPool(ITokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _trie = new Lazy<VocabularyTrie>(() => new VocabularyTrie(tokenizer));
    }

    /// <summary>Takes a constraint at the beginning of a document.</summary>
    /// <param name="schema">The schema, or null for any JSON object.</param>
    /// <exception cref="UnsupportedSchemaException">Answers cannot be held to the schema.</exception>
    /// <exception cref="NotSupportedException">The vocabulary cannot spell JSON, or has no token that ends an answer.</exception>
    public Lease Take(JsonElement? schema)
    {
        if (_tokenizer.StopTokens.Count == 0)
        {
            throw new NotSupportedException("The model's vocabulary has no token that ends an answer, so its answers cannot be held to JSON.");
        }

        var key = schema?.GetRawText();
        lock (_gate)
        {
            var entry = _entries.Find(candidate => string.Equals(candidate.Schema, key, StringComparison.Ordinal));
            if (entry is null)
            {
                entry = new Entry(key, JsonSchemaCompiler.Compile(schema, _trie.Value.Bytes));
            }
            else
            {
                _entries.Remove(entry);
            }

            _entries.Add(entry);
            if (_entries.Count > RememberedSchemas)
            {
                _entries.RemoveAt(0);
            }

            var constraint = entry.Idle.TryPop(out var warm) ? warm : new JsonConstraint(entry.Grammar, _trie.Value, _tokenizer);
            return new Lease(this, entry, constraint);
        }
    }

    private void Return(Entry entry, JsonConstraint constraint)
    {
        lock (_gate)
        {
            if (entry.Idle.Count < WarmConstraints)
            {
                entry.Idle.Push(constraint);
            }
        }
    }

    /// <summary>A constraint in use; disposing it gives it back.</summary>
    internal sealed class Lease(ConstraintPool pool, Entry entry, JsonConstraint constraint) : IDisposable
    {
        private bool _returned;

        public JsonConstraint Constraint => constraint;

        public void Dispose()
        {
            if (!_returned)
            {
                _returned = true;
                pool.Return(entry, constraint);
            }
        }
    }

    internal sealed record Entry(string? Schema, JsonGrammar Grammar)
    {
        public Stack<JsonConstraint> Idle { get; } = [];
    }
}
