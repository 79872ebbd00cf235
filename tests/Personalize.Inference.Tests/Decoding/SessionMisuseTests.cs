using System.Buffers.Binary;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>What callers, files and devices get wrong: refused by name, and no conversation is the worse for it.</summary>
public sealed class SessionMisuseTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private const int Chunk = 8;
    private static readonly int[] Tokens = TinyModelFixture.Tokens(40);

    [Fact]
    public void A_second_thread_on_one_conversation_is_refused_and_the_first_is_not_disturbed()
    {
        using var alone = Open();
        using var session = Open();
        using var other = Open();
        alone.Prefill(Tokens, CancellationToken.None);
        other.Prefill(Tokens, CancellationToken.None);
        var refused = 0;
        void Refuse(Action use)
        {
            Exception? error = null;
            var thread = new Thread(() => error = Record.Exception(use));
            thread.Start();
            thread.Join();
            Assert.Contains("another thread", Assert.IsType<InvalidOperationException>(error).Message, StringComparison.Ordinal);
            refused++;
        }

        session.Feed(
            Tokens,
            onLogits: null,
            onHiddenState: (layer, _, _) =>
            {
                if (layer == 1)
                {
                    Refuse(() => session.Decode(1));
                    Refuse(() => session.Verify([1, 2]));
                    Refuse(() => session.TruncateTo(0));
                    Refuse(() => session.TryTakePrefix(other, 4));
                    Refuse(() => other.TryTakePrefix(session, 4));
                    Refuse(() => ((IRestorableSession)session).Save(Stream.Null, Tokens.AsSpan(0, session.Position)));
                }
            },
            CancellationToken.None);

        Assert.Equal(6 * Tokens.Length / Chunk, refused);
        Assert.Equal(alone.Logits.ToArray(), session.Logits.ToArray());
        session.Decode(1);
        other.Decode(1);
        Assert.Equal(other.Logits.ToArray(), session.Logits.ToArray());
    }

    [Fact]
    public void A_prefill_that_was_cancelled_leaves_whole_chunks_and_no_logits()
    {
        using var cancel = new CancellationTokenSource();
        using var alone = Open();
        using var session = Open();
        alone.Prefill([5, .. Tokens], CancellationToken.None);
        session.Decode(5);
        var states = 0;

        Assert.Throws<OperationCanceledException>(() => session.Feed(
            Tokens,
            onLogits: null,
            onHiddenState: (_, first, _) =>
            {
                if (first == 2 * Chunk && ++states == 2)
                {
                    cancel.Cancel();
                }
            },
            cancel.Token));

        // The chunk that was under way is finished; the logits of the token before the prefill are not those of the conversation any more.
        Assert.Equal(1 + (3 * Chunk), session.Position);
        Assert.Throws<InvalidOperationException>(() => { _ = session.Logits; });
        session.Prefill(Tokens.AsSpan(3 * Chunk), CancellationToken.None);
        Assert.Equal(alone.Logits.ToArray(), session.Logits.ToArray());
    }

    [Fact]
    public void A_chunk_that_failed_is_as_if_it_was_never_fed()
    {
        using var alone = Open();
        using var session = Open();
        alone.Prefill(Tokens, CancellationToken.None);
        session.Prefill(Tokens.AsSpan(0, 5), CancellationToken.None);

        Assert.Throws<FormatException>(() => session.Feed([1, 2, 3], null, (layer, _, _) => throw new FormatException($"in layer {layer}"), CancellationToken.None));

        Assert.Equal(5, session.Position);
        session.Prefill(Tokens.AsSpan(5), CancellationToken.None);
        Assert.Equal(alone.Logits.ToArray(), session.Logits.ToArray());
    }

    [Fact]
    public void Too_many_tokens_and_unknown_ones_are_refused_before_any_is_fed()
    {
        using var session = Open();
        session.Prefill(Tokens.AsSpan(0, 5), CancellationToken.None);
        var logits = session.Logits.ToArray();

        var error = Assert.Throws<ContextLengthException>(() => session.Prefill(TinyModelFixture.Tokens(100), CancellationToken.None));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Prefill([1, session.VocabularySize], CancellationToken.None));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Prefill([1, -1], CancellationToken.None));

        Assert.Equal((100, 59), (error.Needed, error.Available));
        Assert.Equal(5, session.Position);
        Assert.Equal(logits, session.Logits.ToArray());
    }

    [Theory]
    [InlineData("blk.1.attn_norm.weight", float.NaN)]
    [InlineData("blk.0.ffn_up.weight", float.NaN)]
    [InlineData("blk.2.attn_q.weight", float.PositiveInfinity)]
    [InlineData("token_embd.weight", float.NegativeInfinity)]
    public void A_weight_that_is_not_a_number_is_found_when_the_model_is_loaded(string tensor, float value)
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.Copy(fixture.Model.Path, path);
            GgufTensor place;
            using (var file = GgufFile.Open(path))
            {
                place = file.GetTensor(tensor);
            }

            Poison(path, place, value);
            using var damaged = GgufFile.Open(path);

            var error = Assert.Throws<ModelFormatException>(() => DecoderModel.Load(damaged));

            Assert.Equal((ModelFormatError.NonFiniteValue, tensor), (error.Code, error.Tensor));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused_with_both_names()
    {
        var adapter = new Core.Adapters.LoraAdapter(new Core.Adapters.LoraConfiguration(1, 1, UseRankStabilizedScaling: false, []), "another", []);

        var error = Assert.Throws<AdapterMismatchException>(() => new AttachedAdapter(adapter, fixture.Model));

        Assert.Equal(("another", fixture.Model.Fingerprint), (error.AdapterBaseFingerprint, error.ModelFingerprint));
    }

    [Fact]
    public void What_does_not_fit_into_memory_is_refused_before_it_is_allocated()
    {
        // Larger than any machine: had it been allocated first, this would end in OutOfMemoryException, or worse.
        var options = new DecoderSessionOptions { WindowSize = fixture.Model.Description.ContextLength, ChunkSize = 1 << 30 };
        var session = Assert.Throws<MemoryShortageException>(() => new DecoderSession(fixture.Model, fixture.Pool, options));
        Assert.True(session.NeededBytes > session.AvailableBytes && session.AvailableBytes > 0);

        var planned = DecoderSession.PlannedBytes(fixture.Model.Description, new DecoderSessionOptions());
        var limit = fixture.Model.ByteLength + planned;
        using var fits = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { MemoryLimitBytes = limit });
        var error = Assert.Throws<MemoryShortageException>(() => new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { MemoryLimitBytes = limit - 1 }));
        Assert.Equal((limit, limit - 1), (error.NeededBytes, error.AvailableBytes));

        using var file = GgufFile.Open(fixture.Model.Path);
        var model = Assert.Throws<MemoryShortageException>(() => DecoderModel.Load(file, memoryLimitBytes: 1000));
        Assert.Equal((file.Tensors.Sum(tensor => tensor.ByteLength), 1000), (model.NeededBytes, model.AvailableBytes));
        using var enough = DecoderModel.Load(file, memoryLimitBytes: model.NeededBytes);
    }

    [Theory]
    [InlineData(2048, KeyValuePrecision.Single)]
    [InlineData(300, KeyValuePrecision.Half)]
    [InlineData(2048, KeyValuePrecision.EightBits)]
    public void The_plan_is_next_to_what_is_taken(int contextLength, KeyValuePrecision precision)
    {
        const double LeastShare = 0.8;
        var options = new DecoderSessionOptions { ContextLength = contextLength, KeyValuePrecision = precision };
        using var session = new DecoderSession(fixture.Model, fixture.Pool, options);

        var planned = DecoderSession.PlannedBytes(fixture.Model.Description, options);

        Assert.InRange(planned, LeastShare * session.ByteLength, session.ByteLength);
    }

    [Fact]
    public void A_cache_takes_the_memory_that_its_conversation_fills()
    {
        const long Bytes = 1L << 30;
        const long Touched = 64L << 20;
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var before = process.WorkingSet64;
        using var buffer = new NativeBuffer<byte>(Bytes);
        buffer.Span[..1000].Fill(1);
        process.Refresh();

        // Other tests run beside this one, so the bound is generous; a buffer that is cleared page by page takes all of it.
        Assert.InRange(process.WorkingSet64 - before, long.MinValue, Bytes / 2);
        Assert.True(buffer.Span.Slice((int)Touched, 4096).IndexOfAnyExcept((byte)0) < 0);
    }

    private static void Poison(string path, GgufTensor tensor, float value)
    {
        var bytes = new byte[tensor.Type == GgmlType.F32 ? sizeof(float) : sizeof(ushort)];
        if (tensor.Type == GgmlType.F32)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        }
        else
        {
            BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)value);
        }

        using var stream = File.OpenWrite(path);
        stream.Position = tensor.Offset + tensor.ByteLength - bytes.Length;
        stream.Write(bytes);
    }

    private DecoderSession Open() => new(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = 64, ChunkSize = Chunk });
}
