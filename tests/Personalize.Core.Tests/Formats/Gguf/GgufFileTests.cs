using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Formats.Gguf;

public sealed class GgufFileTests
{
    // Computed once by an independent script (hashlib over the described bytes).
    private const string ModelFingerprint = "507e3606e6da09f6e65d2c0172bce3bf277442f17b317560a7ad1a01acf05fa1";

    [SharedFact(SharedFiles.Model)]
    public void The_real_model_opens_with_its_metadata_and_tensors()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));

        Assert.Equal(272, file.Tensors.Count);
        Assert.Equal(33, file.Metadata.Count);
        Assert.Equal("llama", file.Metadata.GetString("general.architecture"));
        Assert.Equal(576u, file.Metadata.GetUInt32("llama.embedding_length"));
        Assert.Equal(49_152, file.Metadata.GetStrings("tokenizer.ggml.tokens").Length);
        Assert.Equal(48_900, file.Metadata.GetStrings("tokenizer.ggml.merges").Length);
        Assert.Equal(49_152, file.Metadata.GetInt32s("tokenizer.ggml.token_type").Length);
        var embedding = file.GetTensor("token_embd.weight");
        Assert.Equal([576L, 49_152L], embedding.Dimensions);
        Assert.Equal(BlockFormat.Of(embedding.Type).GetByteLength(embedding.ElementCount), embedding.ByteLength);
        Assert.Equal(file.ByteLength, file.Tensors[^1].Offset + file.Tensors[^1].ByteLength);
    }

    [SharedFact(SharedFiles.Model)]
    public void The_fingerprint_of_the_real_model_is_stable()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));

        Assert.Equal(ModelFingerprint, file.Fingerprint);
    }
}
