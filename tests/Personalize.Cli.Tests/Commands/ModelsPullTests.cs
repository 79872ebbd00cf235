using System.Security.Cryptography;
using System.Text;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Models.Pull;
using Personalize.Cli.Tests.Models.Pull;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;

namespace Personalize.Cli.Tests.Commands;

/// <summary><c>models pull</c> and <c>models list</c> as a person sees them.</summary>
public sealed class ModelsPullTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_is_pulled_listed_and_not_pulled_twice()
    {
        var model = File.ReadAllBytes(TinyModel.Write(_folder));
        using var server = new BadServer((_, head) => BadServer.Serve(model, head));
        string[] pull = ["models", "pull", "SmolLM2-135M", "--from", server.Address.AbsoluteUri, "--to", _folder["models"], "--json"];

        var json = CommandRun.Of([.. pull, "--sha256", Convert.ToHexString(SHA256.HashData(model))]).Succeeds().Json;

        Assert.Equal("given", json.GetProperty("check").GetString());
        Assert.Equal(model, File.ReadAllBytes(json.GetProperty("path").GetString()!));
        Assert.True(CommandRun.Of(pull).Succeeds().Json.GetProperty("alreadyThere").GetBoolean());
        Assert.Equal(1, server.Requests);
        var listed = CommandRun.Of("models", "list", "--to", _folder["models"], "--json").Succeeds().Json.GetProperty("models").EnumerateArray().ToArray();
        Assert.Equal(["smollm2-135m"], listed.Where(entry => entry.GetProperty("path").GetString() is not null).Select(entry => entry.GetProperty("name").GetString()));
        Assert.Equal(_folder["models/smollm2-135m.gguf"], ModelName.Resolve("smollm2-135m", _folder["models"]));
        Assert.Contains("nobody told", CommandRun.Of(["models", "pull", "smollm2-135m", "--force", "--from", server.Address.AbsoluteUri, "--to", _folder["models"]]).Succeeds().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_bytes_are_a_bad_file()
    {
        using var server = new BadServer((_, head) => BadServer.Serve("no model"u8.ToArray(), head));

        CommandRun.Of("models", "pull", "smollm2-135m", "--from", server.Address.AbsoluteUri, "--to", _folder["models"]).FailsWith(ExitCode.BadFile, "GGUF");
        CommandRun.Of("models", "pull", "smollm2-135m", "--from", server.Address.AbsoluteUri, "--to", _folder["models"], "--sha256", new string('0', 64)).FailsWith(ExitCode.BadFile, "checksum");
        Assert.Empty(Directory.GetFiles(_folder["models"]));
    }

    [Theory]
    [InlineData("models pull smolm2-135m", "did you mean smollm2-135m?")]
    [InlineData("models pull nonsense", "models list")]
    [InlineData("models pull errands", "comes with the command")]
    [InlineData("models pull smollm2-135m --from ftp://x/y", "--from")]
    [InlineData("models pull smollm2-135m --sha256 12", "--sha256")]
    [InlineData("models pul smollm2-135m", "did you mean pull?")]
    public void What_cannot_be_is_said(string line, string words) => CommandRun.Of(line.Split(' ')).FailsWith(ExitCode.Usage, words);

    [Fact]
    public void A_known_name_that_is_not_here_tells_how_to_get_it_and_a_near_one_is_guessed()
    {
        Assert.Contains("models pull smollm2-360m", Assert.Throws<MissingModelException>(() => ModelName.Resolve("smollm2-360m", _folder.Path)).Message, StringComparison.Ordinal);
        CommandRun.Of("generate", "--prompt", "x", "--model", "smollm2-36m", "--data", _folder["none"]).FailsWith(ExitCode.BadFile, "did you mean smollm2-360m?");
        Assert.Equal("some/folder/smollm2-36m", ModelName.Resolve("some/folder/smollm2-36m", _folder.Path));
        Assert.Equal("qwen.gguf", ModelName.Resolve("qwen.gguf", _folder.Path));
    }

    [Fact]
    public void The_list_says_of_each_whether_its_family_is_served()
    {
        foreach (var model in KnownModels.All)
        {
            var path = _folder[model.Name];
            var writer = new GgufWriter();
            writer.AddString("general.architecture", model.Architecture);
            using (var stream = File.Create(path))
            {
                writer.Write(stream);
            }

            using var file = GgufFile.Open(path);
            var error = Assert.ThrowsAny<PersonalizeException>(() => DecoderDescriptionReader.Read(file));
            Assert.Equal(model.IsServed, error is not UnsupportedModelException);
        }
    }

    [Fact]
    public void Names_are_told_apart_and_addresses_are_encrypted()
    {
        Assert.Equal(KnownModels.All.Count, KnownModels.All.Select(model => model.Name).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(KnownModels.All, model => Assert.Equal("https", model.Address.Scheme));
        Assert.All(KnownModels.All, model => Assert.True(model.Sha256 is null || (model.Sha256.Length == 64 && model.Sha256.All(char.IsAsciiHexDigitLower))));
        Assert.All(KnownModels.All, model => Assert.Equal(model.Name, new string([.. model.Name.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.')])));
    }
}
