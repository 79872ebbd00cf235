using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Tokenization;
using Personalize.Inference.Chat.Schemas;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Chat.Schemas;

public class JsonConstraintTests
{
    private const int Roomy = 400;

    private const string Person =
        """{"type":"object","properties":{"name":{"type":"string","maxLength":12},"age":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":3},"kind":{"enum":["friend","foe"]},"note":{"anyOf":[{"type":"null"},{"type":"object","properties":{"at":{"type":"number"}},"required":["at"]}]}},"required":["name","tags","kind"],"additionalProperties":false}""";

    private static readonly ITokenizer Tokenizer = TinyChatModel.CreateTokenizer();
    private static readonly VocabularyTrie Trie = new(Tokenizer);

    [Fact]
    public void Whatever_is_chosen_is_valid() => Prop.ForAll(RandomSchemas.All, ArbMap.Default.ArbFor<int>(), (schema, seed) =>
    {
        var (text, ended) = Walk(Compile(schema), new Random(seed), Roomy);
        return (ended && SchemaCheck.IsValid(text, schema)).Label(text);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(400).WithEndSize(60));

    [Fact]
    public void A_document_is_complete_within_any_limit_that_holds_the_shortest() => Prop.ForAll(RandomSchemas.All, Gen.Choose(0, 30).ToArbitrary(), (schema, slack) =>
    {
        var grammar = JsonSchemaCompiler.Compile(schema, Trie.Bytes);
        var limit = grammar.MinimumLength + 1 + slack;
        var (text, ended) = Walk(new JsonConstraint(grammar, Trie, Tokenizer), new Random(slack), limit);
        return (ended && SchemaCheck.IsValid(text, schema)).Label(text);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(60));

    [Fact]
    public void A_limit_below_the_shortest_document_leads_straight_to_its_end()
    {
        var constraint = Compile(Person);

        var (text, ended) = Walk(constraint, new Random(1), maxTokens: 4, steps: Roomy);

        Assert.True(ended);
        Assert.True(SchemaCheck.IsValid(text, Parse(Person)));
    }

    [Fact]
    public void The_mask_holds_exactly_the_tokens_whose_bytes_the_grammar_takes() => Prop.ForAll(RandomSchemas.All, ArbMap.Default.ArbFor<int>(), (schema, seed) =>
    {
        var grammar = JsonSchemaCompiler.Compile(schema, Trie.Bytes);
        var constraint = new JsonConstraint(grammar, Trie, Tokenizer);
        constraint.Begin(int.MaxValue);
        var automaton = grammar.CreateAutomaton();
        var configuration = automaton.Start;
        var random = new Random(seed);
        for (var step = 0; step < 25; step++)
        {
            var logits = new float[Tokenizer.VocabularySize];
            constraint.Apply(logits);
            var allowed = new List<int>();
            for (var id = 0; id < logits.Length; id++)
            {
                var expected = Tokenizer.IsSpecial(id) ? Tokenizer.StopTokens.Contains(id) && automaton.IsComplete(configuration) : Feed(automaton, configuration, Tokenizer.GetTokenBytes(id)) != GrammarAutomaton.Dead;
                if (expected != (logits[id] == 0))
                {
                    return false.Label($"token {id} at step {step}");
                }

                if (expected && !Tokenizer.IsSpecial(id))
                {
                    allowed.Add(id);
                }
            }

            if (allowed.Count == 0)
            {
                return true.ToProperty();
            }

            var chosen = allowed[random.Next(allowed.Count)];
            constraint.Accept(chosen);
            configuration = Feed(automaton, configuration, Tokenizer.GetTokenBytes(chosen));
        }

        return true.ToProperty();
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(40).WithEndSize(60));

    [Fact]
    public void Nothing_is_allocated_once_it_is_warm()
    {
        var constraint = Compile(Person);
        var logits = new float[Tokenizer.VocabularySize];
        var noise = new float[Tokenizer.VocabularySize];
        var random = new Random(3);
        for (var id = 0; id < noise.Length; id++)
        {
            noise[id] = random.NextSingle();
        }

        Run();
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var tokens = Run();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(tokens > 20);
        Assert.Equal(0, allocated);

        int Run()
        {
            constraint.Begin(60);
            for (var count = 1; ; count++)
            {
                noise.CopyTo(logits, 0);
                constraint.Apply(logits);
                var token = LogitMaximum.IndexOf(logits);
                constraint.Accept(token);
                if (Tokenizer.IsSpecial(token))
                {
                    return count;
                }
            }
        }
    }

    [Fact]
    public void An_automaton_that_forgets_goes_on_the_same()
    {
        var grammar = JsonSchemaCompiler.Compile(Parse(Person), Trie.Bytes);
        var text = Encoding.UTF8.GetBytes("""{"name": "Ann \u00e9 é", "tags": ["x", "yy"], "kind": "foe", "note": {"at": -1.5e2}}""");
        var automaton = grammar.CreateAutomaton(capacity: 3);
        var configuration = automaton.Start;
        var forgot = 0;
        foreach (var value in text)
        {
            Assert.False(automaton.IsComplete(configuration));
            configuration = automaton.Next(configuration, value);
            Assert.NotEqual(GrammarAutomaton.Dead, configuration);
            forgot += automaton.Trim(ref configuration) ? 1 : 0;
        }

        Assert.True(automaton.IsComplete(configuration));
        Assert.True(forgot > 10);
    }

    [Fact]
    public void Counts_that_no_token_can_exhaust_share_a_mask()
    {
        var automaton = JsonSchemaCompiler.Compile(Parse("""{"type":"string","maxLength":30,"minLength":3}"""), Trie.Bytes).CreateAutomaton(horizon: 6);
        var canonical = new HashSet<int>();
        var configuration = automaton.Next(automaton.Start, (byte)'"');
        for (var count = 0; count <= 30; count++)
        {
            canonical.Add(automaton.Canonical(configuration));
            Assert.Equal(automaton.Distance(configuration), automaton.Distance(automaton.Canonical(configuration)));
            configuration = automaton.Next(configuration, (byte)'x');
        }

        // 0 to 3 below the least, 3 for all up to 24, and 25 to 30 within sight of the most.
        Assert.Equal(GrammarAutomaton.Dead, configuration);
        Assert.Equal(4 + 6, canonical.Count);
    }

    [Fact]
    public void A_token_that_was_not_left_is_refused()
    {
        var constraint = Compile(Person);
        constraint.Begin(Roomy);

        Assert.Throws<InvalidOperationException>(() => constraint.Accept(Tokenizer.Encode("x", parseSpecialTokens: false)[0]));
    }

    private static JsonConstraint Compile(string schema) => Compile(Parse(schema));

    private static JsonConstraint Compile(JsonElement schema) => new(JsonSchemaCompiler.Compile(schema, Trie.Bytes), Trie, Tokenizer);

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    private static int Feed(GrammarAutomaton automaton, int configuration, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (configuration != GrammarAutomaton.Dead)
            {
                configuration = automaton.Next(configuration, value);
            }
        }

        return configuration;
    }

    // A model that prefers tokens at random.
    private static (string Text, bool Ended) Walk(JsonConstraint constraint, Random random, int maxTokens, int? steps = null)
    {
        var ids = new List<int>();
        var logits = new float[Tokenizer.VocabularySize];
        constraint.Begin(maxTokens);
        for (var i = 0; i < (steps ?? maxTokens); i++)
        {
            foreach (ref var logit in logits.AsSpan())
            {
                logit = random.NextSingle();
            }

            constraint.Apply(logits);
            var token = Array.IndexOf(logits, logits.Max());
            Assert.NotEqual(float.NegativeInfinity, logits[token]);
            constraint.Accept(token);
            if (Tokenizer.IsSpecial(token))
            {
                return (Tokenizer.Decode([.. ids], includeSpecialTokens: true), true);
            }

            ids.Add(token);
        }

        return (Tokenizer.Decode([.. ids], includeSpecialTokens: true), false);
    }
}
