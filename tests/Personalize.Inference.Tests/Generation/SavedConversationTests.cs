using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Profiles;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Tests.Decoding;
using Personalize.Inference.Tests.Merging;
using Personalize.Inference.Tests.Speculation;
using TinyModelFixture = Personalize.Inference.Tests.Decoding.TinyModelFixture;

namespace Personalize.Inference.Tests.Generation;

/// <summary>A conversation that was saved goes on as if it had never been put away, or is refused by name.</summary>
public sealed class SavedConversationTests : IClassFixture<TinyModelFixture>, IDisposable
{
    private const string Name = "evening_1";
    private static readonly int[] Prompt = TinyModelFixture.Tokens(50);
    /// <summary>Nonce and tag of a sealed part.</summary>
    private const int PartOverhead = 12 + 16;

    private readonly string _folder = Directory.CreateTempSubdirectory("personalize-conversations-").FullName;
    private readonly TinyModelFixture _fixture;
    private readonly PlainTokenizer _tokenizer;
    private readonly Profile _profile;

    public SavedConversationTests(TinyModelFixture fixture)
    {
        _fixture = fixture;
        _tokenizer = new PlainTokenizer(fixture.Model.Description.VocabularySize);
        _profile = Profile.Open(Path.Combine(_folder, "profile"));
    }

    public static TheoryData<string, DecoderSessionOptions, DecoderSessionOptions> Kinds => new()
    {
        { "all tokens kept", new() { ContextLength = 128 }, new() { ContextLength = 128 } },
        { "a longer context afterwards", new() { ContextLength = 100 }, new() { ContextLength = 300 } },
        { "single precision", new() { ContextLength = 128, KeyValuePrecision = KeyValuePrecision.Single }, new() { ContextLength = 128, KeyValuePrecision = KeyValuePrecision.Single } },
        { "eight bits", new() { SinkTokenCount = 4, WindowSize = 24, ChunkSize = 8, KeyValuePrecision = KeyValuePrecision.EightBits }, new() { SinkTokenCount = 4, WindowSize = 24, ChunkSize = 8, KeyValuePrecision = KeyValuePrecision.EightBits } },
        { "exact arithmetic", new() { ContextLength = 128, Precision = ArithmeticPrecision.Single }, new() { ContextLength = 128, Precision = ArithmeticPrecision.Single } },
        { "a window that tokens left", new() { SinkTokenCount = 4, WindowSize = 24, ChunkSize = 8 }, new() { SinkTokenCount = 4, WindowSize = 24, ChunkSize = 8 } },
        { "a window that nothing left yet", new() { SinkTokenCount = 4, WindowSize = 90, ChunkSize = 8 }, new() { SinkTokenCount = 4, WindowSize = 90, ChunkSize = 8 } },
    };

    public void Dispose()
    {
        _profile.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_restored_conversation_goes_on_to_the_bit_and_computes_no_token_again(string kind, DecoderSessionOptions before, DecoderSessionOptions after)
    {
        int[] next;
        GenerationResult expected;
        float[] logits;
        using (var session = Open(before))
        {
            var generator = Generator(session);
            var answer = generator.Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 12 }).RunToEnd();
            generator.Save(_profile.Conversations, Name);

            // Saving took nothing away.
            next = [.. Prompt, .. answer.Ids, 7, 8, 9];
            expected = generator.Generate(new GenerationRequest { Prompt = next, MaxTokens = 12 }).RunToEnd();
            logits = session.Logits.ToArray();
        }

        using var restored = Open(after);
        var again = Generator(restored);
        again.Generate(new GenerationRequest { Prompt = [1, 2, 3], MaxTokens = 3 }).RunToEnd();

        Assert.True(again.TryRestore(_profile.Conversations, Name), kind);

        Assert.Equal(Prompt.Length + 11, restored.Position);
        var actual = again.Generate(new GenerationRequest { Prompt = next, MaxTokens = 12 }).RunToEnd();
        Assert.Equal(Prompt.Length + 11, actual.ReusedTokens);
        Assert.Equal(expected.Ids, actual.Ids);
        Assert.Equal(logits, restored.Logits.ToArray());
    }

    [Fact]
    public void The_last_logits_are_there_before_any_token_is_fed()
    {
        using var session = Open();
        session.Prefill(Prompt, CancellationToken.None);
        using var stream = new MemoryStream();
        ((IRestorableSession)session).Save(stream, Prompt);
        using var restored = Open();
        stream.Position = 0;

        Assert.Equal(Prompt, ((IRestorableSession)restored).Restore(stream, Name));

        Assert.Equal(session.Logits.ToArray(), restored.Logits.ToArray());
        Assert.Equal(stream.Length, stream.Position);
    }

    [Fact]
    public void A_session_of_the_first_format_is_taken_unless_its_keys_lie_differently()
    {
        foreach (var (precision, isTaken) in new[] { (KeyValuePrecision.Half, true), (KeyValuePrecision.EightBits, false) })
        {
            var options = new DecoderSessionOptions { ContextLength = 64, KeyValuePrecision = precision };
            using var session = Open(options);
            session.Prefill(Prompt, CancellationToken.None);
            using var stream = new MemoryStream();
            ((IRestorableSession)session).Save(stream, Prompt);
            stream.GetBuffer()[0] = 1;
            stream.Position = 0;
            using var restored = Open(options);
            if (isTaken)
            {
                Assert.Equal(Prompt, ((IRestorableSession)restored).Restore(stream, Name));
            }
            else
            {
                Assert.Equal(ConversationRestoreError.OtherLayout, Assert.Throws<ConversationRestoreException>(() => ((IRestorableSession)restored).Restore(stream, Name)).Error);
            }
        }
    }

    [Fact]
    public void With_the_same_adapter_it_goes_on_and_with_another_or_none_it_is_refused()
    {
        using var adapter = SharedPrefixTests.Adapter(_fixture.Model);
        using var same = SharedPrefixTests.Adapter(_fixture.Model);
        using var other = SharedPrefixTests.Adapter(_fixture.Model, seed: 6);
        using var session = Open(adapter: adapter);
        var generator = Generator(session);
        generator.Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 4 }).RunToEnd();
        generator.Save(_profile.Conversations, Name);

        using var again = Open(adapter: same);
        Assert.True(Generator(again).TryRestore(_profile.Conversations, Name));
        session.Decode(3);
        again.Decode(3);
        Assert.Equal(session.Logits.ToArray(), again.Logits.ToArray());
        IsRefused(Open(adapter: other), ConversationRestoreError.OtherAdapter);
        IsRefused(Open(), ConversationRestoreError.OtherAdapter);
    }

    [Fact]
    public void Another_model_or_layout_is_refused()
    {
        Save(new() { SinkTokenCount = 4, WindowSize = 24, ChunkSize = 8 });
        IsRefused(Open(new() { SinkTokenCount = 3, WindowSize = 25, ChunkSize = 8 }), ConversationRestoreError.OtherLayout);
        IsRefused(Open(new() { SinkTokenCount = 4, WindowSize = 24, ChunkSize = 100 }), ConversationRestoreError.OtherLayout);
        IsRefused(Open(), ConversationRestoreError.OtherLayout);

        Save(new() { ContextLength = 128 });
        IsRefused(Open(new() { ContextLength = 40 }), ConversationRestoreError.OtherLayout);
        IsRefused(Open(new() { ContextLength = 128, KeyValuePrecision = KeyValuePrecision.Single }), ConversationRestoreError.OtherLayout);
        IsRefused(Open(new() { ContextLength = 128, Precision = ArithmeticPrecision.Single }), ConversationRestoreError.OtherLayout);
        IsRefused(Open(new() { SinkTokenCount = 4, WindowSize = 24 }), ConversationRestoreError.OtherLayout);

        using var tiny = new TinyMerge(Core.Quantization.GgmlType.F32);
        using var session = new DecoderSession(tiny.Model, tiny.Pool);
        var error = Assert.Throws<ConversationRestoreException>(() => new TextGenerator(session, new PlainTokenizer(TinyMerge.VocabularySize), TimeProvider.System).TryRestore(_profile.Conversations, Name));
        Assert.Equal((ConversationRestoreError.OtherModel, Name), (error.Error, error.Name));
    }

    [Fact]
    public void A_file_that_was_cut_is_refused_wherever_it_was_cut()
    {
        var roomy = new DecoderSessionOptions { ContextLength = 1600, KeyValuePrecision = KeyValuePrecision.Single };
        Save(roomy, TinyModelFixture.Tokens(1500));
        var bytes = File.ReadAllBytes(FilePath);
        foreach (var length in new[] { 0, 5, 8, 100, bytes.Length / 2, bytes.Length - 1 })
        {
            File.WriteAllBytes(FilePath, bytes[..length]);
            var error = IsRefused(Open(roomy));
            Assert.True(error is ConversationRestoreError.Truncated or ConversationRestoreError.NotAuthentic or ConversationRestoreError.Malformed, $"{length}: {error}");
        }

        // Cut between two sealed parts, or with something behind its end.
        var firstPart = HeaderLength(bytes) + (1 << 20) + PartOverhead;
        Assert.True(bytes.Length > firstPart);
        File.WriteAllBytes(FilePath, bytes[..firstPart]);
        IsRefused(Open(roomy), ConversationRestoreError.Truncated);
        File.WriteAllBytes(FilePath, [.. bytes, 0]);
        IsRefused(Open(roomy));
        File.WriteAllBytes(FilePath, bytes);
        using var session = Open(roomy);
        Assert.True(Generator(session).TryRestore(_profile.Conversations, Name));
    }

    [Fact]
    public void A_file_with_a_flipped_bit_is_refused_wherever_it_is()
    {
        Save();
        var bytes = File.ReadAllBytes(FilePath);
        foreach (var place in new[] { 7, 8, 9, 40, 300, bytes.Length / 2, bytes.Length - 20, bytes.Length - 1 })
        {
            bytes[place] ^= 4;
            File.WriteAllBytes(FilePath, bytes);
            var error = IsRefused(Open());
            Assert.Equal(place == 7 ? ConversationRestoreError.NewerVersion : ConversationRestoreError.NotAuthentic, error);
            bytes[place] ^= 4;
        }
    }

    [Fact]
    public void A_file_under_another_name_or_of_another_profile_is_refused()
    {
        Save();
        File.Copy(FilePath, FilePath.Replace(Name, "other", StringComparison.Ordinal));
        using var session = Open();
        Assert.Equal(ConversationRestoreError.NotAuthentic, Assert.Throws<ConversationRestoreException>(() => Generator(session).TryRestore(_profile.Conversations, "other")).Error);

        using var stranger = Profile.Open(Path.Combine(_folder, "stranger"));
        File.Copy(FilePath, Path.Combine(stranger.DirectoryPath, "conversations", Name + ".conversation"));
        Assert.Equal(ConversationRestoreError.NotAuthentic, Assert.Throws<ConversationRestoreException>(() => Generator(session).TryRestore(stranger.Conversations, Name)).Error);
        Assert.Equal(0, session.Position);
    }

    [Fact]
    public void What_is_not_there_changes_nothing()
    {
        using var session = Open();
        var generator = Generator(session);
        generator.Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 2 }).RunToEnd();

        Assert.False(generator.TryRestore(_profile.Conversations, "never"));

        Assert.Equal(Prompt.Length + 1, session.Position);
        Assert.Throws<NotSupportedException>(() => new TextGenerator(new ScriptedSession(_ => 0), _tokenizer, TimeProvider.System).Save(_profile.Conversations, Name));
        using var running = generator.Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 5 }).GetEnumerator();
        running.MoveNext();
        Assert.Throws<InvalidOperationException>(() => generator.Save(_profile.Conversations, Name));
        Assert.Throws<InvalidOperationException>(() =>
        {
            Save();
            return generator.TryRestore(_profile.Conversations, Name);
        });
    }

    [Fact]
    public void The_file_holds_no_token_in_the_clear()
    {
        using var session = Open();
        var generator = Generator(session);
        generator.Generate(new GenerationRequest { Prompt = [.. Enumerable.Repeat(321, 60)], MaxTokens = 1 }).RunToEnd();
        generator.Save(_profile.Conversations, Name);

        Assert.True(File.ReadAllBytes(FilePath).AsSpan().IndexOf((ReadOnlySpan<byte>)[65, 1, 0, 0, 65, 1, 0, 0]) < 0);
    }

    private string FilePath => Path.Combine(_profile.DirectoryPath, "conversations", Name + ".conversation");

    private void Save(DecoderSessionOptions? options = null, int[]? prompt = null)
    {
        using var session = Open(options);
        var generator = Generator(session);
        generator.Generate(new GenerationRequest { Prompt = prompt ?? Prompt, MaxTokens = 6 }).RunToEnd();
        generator.Save(_profile.Conversations, Name);
    }

    /// <summary>Magic and version, purpose, key, salt and layout version; then three names, each behind its length.</summary>
    private static int HeaderLength(byte[] file)
    {
        var length = 8 + 1 + 16 + 32 + 4;
        for (var name = 0; name < 3; name++)
        {
            length += sizeof(ushort) + BitConverter.ToUInt16(file, length);
        }

        return length;
    }

    // After the refusal the generator holds nothing and works as a new one does.
    private ConversationRestoreError IsRefused(DecoderSession session, ConversationRestoreError? expected = null)
    {
        using (session)
        {
            using var fresh = new DecoderSession(_fixture.Model, _fixture.Pool, new DecoderSessionOptions { ContextLength = 40 });
            var generator = Generator(session);
            generator.Generate(new GenerationRequest { Prompt = [4, 5, 6], MaxTokens = 3 }).RunToEnd();

            var error = Assert.Throws<ConversationRestoreException>(() => generator.TryRestore(_profile.Conversations, Name));

            Assert.Equal(expected ?? error.Error, error.Error);
            Assert.Equal(0, session.Position);
            var result = generator.Generate(new GenerationRequest { Prompt = [4, 5, 6], MaxTokens = 3 }).RunToEnd();
            Assert.Equal((0, 3), (result.ReusedTokens, result.Ids.Count));
            return error.Error;
        }
    }

    private DecoderSession Open(DecoderSessionOptions? options = null, AttachedAdapter? adapter = null) =>
        new(_fixture.Model, _fixture.Pool, options ?? new DecoderSessionOptions { ContextLength = 128 }, adapter);

    private TextGenerator Generator(DecoderSession session) => new(session, _tokenizer, TimeProvider.System);
}
