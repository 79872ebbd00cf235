using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Quantization;
using Personalize.Training.Optimizers;
using Personalize.Training.Pretraining;

namespace Personalize.Training.Tests.Pretraining;

public sealed class PretrainingRecipeTests
{
    private const string Corpus = "\"corpus\":{\"source\":\"s\",\"licence\":\"CC0-1.0\",\"train\":[\"t\"],\"dev\":[\"d\"]}";

    [Fact]
    public void Reads_what_is_written_and_keeps_defaults()
    {
        var recipe = Read("{\"name\":\"n\"," + Corpus + ",\"shape\":{\"layers\":3},\"training\":{\"optimizer\":\"muon\",\"seed\":18446744073709551615},\"store\":{\"matrices\":\"Q8_0\"}}");
        Assert.Equal(3, recipe.Shape.Layers);
        Assert.Equal(new PretrainingShape().Hidden, recipe.Shape.Hidden);
        Assert.Equal(OptimizerKind.Muon, recipe.Training.Optimizer);
        Assert.Equal(ulong.MaxValue, recipe.Training.Seed);
        Assert.True(recipe.Training.Shuffle);
        Assert.Equal(GgmlType.Q8_0, recipe.MatrixType);
        Assert.Equal(["t"], recipe.Train);
    }

    [Theory]
    [InlineData("[]", "$")]
    [InlineData("{", "$")]
    [InlineData("{\"name\":\"n\",\"name\":\"n\"," + Corpus + "}", "$")]
    [InlineData("{\"name\":\"n\",\"speed\":1," + Corpus + "}", "$")]
    [InlineData("{" + Corpus + "}", "name")]
    [InlineData("{\"name\":\"n\"}", "corpus.source")]
    [InlineData("{\"name\":\"n\",\"corpus\":3}", "corpus")]
    [InlineData("{\"name\":\"n\",\"corpus\":{\"source\":\"s\",\"licence\":\"l\",\"train\":[],\"dev\":[\"d\"]}}", "corpus.train")]
    [InlineData("{\"name\":\"n\",\"corpus\":{\"source\":\"s\",\"licence\":\"l\",\"train\":[1],\"dev\":[\"d\"]}}", "corpus.train")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"shape\":{\"hiden\":64}}", "shape")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"shape\":{\"hidden\":65}}", "shape.hidden")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"shape\":{\"heads\":4,\"keyValueHeads\":3}}", "shape.keyValueHeads")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"shape\":{\"keyValueHeads\":0}}", "shape.keyValueHeads")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"training\":{\"learningRate\":\"fast\"}}", "training.learningRate")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"training\":{\"learningRate\":0}}", "learningRate")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"training\":{\"optimizer\":\"sgd\"}}", "training.optimizer")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"training\":{\"schedule\":\"step\"}}", "training.schedule")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"training\":{\"seed\":-1}}", "training.seed")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"training\":{\"shuffle\":1}}", "training.shuffle")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"tokenizer\":{\"vocabularySize\":1e3}}", "tokenizer.vocabularySize")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"tokenizer\":{\"preTokenizer\":\"words\"}}", "tokenizer.preTokenizer")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"store\":{\"matrices\":\"Q5_0\"}}", "store.matrices")]
    [InlineData("{\"name\":\"n\"," + Corpus + ",\"measure\":{\"interval\":0}}", "measure.interval")]
    public void Bad_input_names_the_setting(string json, string setting) => Assert.Equal(setting, Assert.Throws<RecipeException>(() => Read(json)).Setting);

    private static PretrainingRecipe Read(string json) => PretrainingRecipe.FromJson(Encoding.UTF8.GetBytes(json));
}
