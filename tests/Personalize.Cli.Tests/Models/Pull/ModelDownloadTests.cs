using System.Security.Cryptography;
using Personalize.Cli.Models.Pull;
using Personalize.Cli.Presentation;

namespace Personalize.Cli.Tests.Models.Pull;

/// <summary>Against a server that does everything wrong that can be done wrong: the right bytes or a clear error, never a wrong file under the model's name.</summary>
public sealed class ModelDownloadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _model;
    private readonly string _sha256;
    private readonly string _target;

    public ModelDownloadTests()
    {
        _model = File.ReadAllBytes(TinyModel.Write(_folder));
        _sha256 = Convert.ToHexStringLower(SHA256.HashData(_model));
        _target = _folder["models/model.gguf"];
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_good_server_gives_the_file()
    {
        using var server = new BadServer((_, head) => BadServer.Serve(_model, head));

        var result = await Pull(server, given: _sha256);

        Assert.Equal((_target, _model.Length, _sha256, "given", 0), (result.Path, result.Bytes, result.Sha256, result.Check, result.ResumedFrom));
        AssertWhole();
    }

    [Fact]
    public async Task One_that_breaks_off_is_asked_for_the_rest()
    {
        using var server = new BadServer((request, head) => request < 3 ? CutOff(head, 10_000) : BadServer.Serve(_model, head));

        await Pull(server);

        AssertWhole();
        Assert.Equal([0, 10_000, 20_000, 30_000], server.Heads.Select(BadServer.From));
        Assert.All(server.Heads.Skip(1), head => Assert.Contains("If-Range: \"v1\"", head, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task One_that_always_breaks_off_at_the_same_byte_is_given_up_and_the_part_is_kept()
    {
        using var server = new BadServer((request, head) => request == 0 ? CutOff(head, 10_000) : CutOff(head, 0));

        await Fails(server, DownloadError.NotReachable);

        Assert.Equal(10_000, new FileInfo(_target + ".partial").Length);

        // The next run goes on there.
        using var better = new BadServer((_, head) => BadServer.Serve(_model, head));
        var result = await Pull(better, given: _sha256);
        Assert.Equal(10_000, result.ResumedFrom);
        Assert.Equal([10_000], better.Heads.Select(BadServer.From));
        AssertWhole();
    }

    [Fact]
    public async Task One_that_stalls_is_left_and_asked_again()
    {
        using var server = new BadServer((request, head) => request == 0
            ? CutOff(head, 5_000) with { Stalls = true }
            : BadServer.Serve(_model, head));

        await Pull(server);

        AssertWhole();
        Assert.Equal([0, 5_000], server.Heads.Select(BadServer.From));
    }

    [Fact]
    public async Task One_that_only_stalls_is_given_up()
    {
        using var server = new BadServer((_, _) => new BadServer.Answer("", [], Stalls: true));

        var error = await Fails(server, DownloadError.NotReachable);

        Assert.Contains("said nothing", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, server.Requests);
    }

    [Fact]
    public async Task Announced_longer_than_it_is()
    {
        using var server = new BadServer((_, head) => new BadServer.Answer(BadServer.Head("200 OK", _model.Length + 1000), _model));

        await Fails(server, DownloadError.NotReachable);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Announced_shorter_than_it_is(bool withChecksum)
    {
        using var server = new BadServer((_, _) => new BadServer.Answer(BadServer.Head("200 OK", _model.Length - 1000), _model));

        await Fails(server, withChecksum ? DownloadError.WrongBytes : DownloadError.NotAModel, withChecksum ? _sha256 : null);
    }

    [Fact]
    public async Task Without_any_length_and_cut_short()
    {
        using var server = new BadServer((_, _) => new BadServer.Answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", _model[..^1000]));

        await Fails(server, DownloadError.NotAModel);
    }

    [Fact]
    public async Task Wrong_bytes_with_a_checksum_given()
    {
        var wrong = Changed();
        using var server = new BadServer((_, head) => BadServer.Serve(wrong, head));

        var error = await Fails(server, DownloadError.WrongBytes, _sha256);

        Assert.Contains(_sha256, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder["models"]));
    }

    [Fact]
    public async Task Wrong_bytes_with_the_servers_own_checksum()
    {
        var wrong = Changed();
        using var server = new BadServer((_, head) => BadServer.Serve(wrong, head, extra: $"X-Linked-ETag: \"{_sha256}\"\r\n"));

        await Fails(server, DownloadError.WrongBytes);
    }

    [Fact]
    public async Task The_servers_checksum_is_found_before_a_redirection()
    {
        using var storage = new BadServer((_, head) => BadServer.Serve(_model, head));
        using var server = new BadServer((_, _) => new BadServer.Answer($"HTTP/1.1 302 Found\r\nLocation: {storage.Address}\r\nX-Linked-ETag: \"{_sha256}\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", []));

        Assert.Equal("server", (await Pull(server)).Check);
        AssertWhole();
    }

    [Fact]
    public async Task Redirected_in_circles()
    {
        using var server = new BadServer((_, _) => new BadServer.Answer("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", []));

        await Fails(server, DownloadError.Refused);
    }

    [Fact]
    public async Task No_model_at_all()
    {
        var noise = new byte[50_000];
        new Random(3).NextBytes(noise);
        using var server = new BadServer((_, head) => BadServer.Serve(noise, head));

        await Fails(server, DownloadError.NotAModel);
        Assert.Empty(Directory.GetFiles(_folder["models"]));
    }

    [Fact]
    public async Task A_page_for_people()
    {
        using var server = new BadServer((_, _) => new BadServer.Answer("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\nConnection: close\r\n\r\n", "<html>"u8.ToArray()));

        await Fails(server, DownloadError.Refused);
    }

    [Theory]
    [InlineData("401 Unauthorized", "account")]
    [InlineData("404 Not Found", "does not have it")]
    public async Task Refused_is_not_tried_again(string status, string words)
    {
        using var server = new BadServer((_, _) => new BadServer.Answer(BadServer.Head(status, 0), []));

        Assert.Contains(words, (await Fails(server, DownloadError.Refused)).Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task Busy_is_tried_again()
    {
        using var server = new BadServer((request, head) => request < 2 ? new BadServer.Answer(BadServer.Head(request == 0 ? "503 Busy" : "429 Slow down", 0), []) : BadServer.Serve(_model, head));

        await Pull(server);

        AssertWhole();
    }

    [Fact]
    public async Task Another_version_in_the_middle_is_begun_anew()
    {
        var older = Changed();
        using var server = new BadServer((request, head) => request == 0 ? new BadServer.Answer(BadServer.Head("200 OK", older.Length, "ETag: \"old\"\r\n"), older[..10_000]) : new BadServer.Answer(BadServer.Head("200 OK", _model.Length, "ETag: \"new\"\r\n"), _model));

        await Pull(server);

        AssertWhole();
    }

    [Fact]
    public async Task A_server_that_goes_on_with_another_version_in_spite_of_the_mark()
    {
        var older = Changed();
        using var server = new BadServer((request, head) => request == 0 ? new BadServer.Answer(BadServer.Head("200 OK", older.Length, "ETag: \"old\"\r\n"), older[..10_000]) : BadServer.Serve(_model, head, "\"new\""));

        await Pull(server);

        AssertWhole();
    }

    [Fact]
    public async Task A_server_that_sends_another_part_than_asked_for()
    {
        using var server = new BadServer((request, head) => request switch
        {
            0 => CutOff(head, 10_000),
            1 => new BadServer.Answer(BadServer.Head("206 Partial Content", _model.Length - 5_000, $"ETag: \"v1\"\r\nContent-Range: bytes 5000-{_model.Length - 1}/{_model.Length}\r\n"), _model[5_000..]),
            _ => BadServer.Serve(_model, head),
        });

        await Pull(server);

        AssertWhole();
    }

    [Fact]
    public async Task A_part_of_something_else_is_noticed_by_the_checksum_and_fetched_again()
    {
        Directory.CreateDirectory(_folder["models"]);
        await File.WriteAllBytesAsync(_target + ".partial", Changed()[..10_000]);
        await File.WriteAllTextAsync(_target + ".partial.mark", "\"v1\"");
        using var server = new BadServer((_, head) => BadServer.Serve(_model, head));

        await Pull(server, given: _sha256);

        AssertWhole();
        Assert.Equal([10_000, 0], server.Heads.Select(BadServer.From));
    }

    [Fact]
    public async Task A_part_without_its_mark_is_begun_anew()
    {
        Directory.CreateDirectory(_folder["models"]);
        await File.WriteAllBytesAsync(_target + ".partial", new byte[10_000]);
        using var server = new BadServer((_, head) => BadServer.Serve(_model, head));

        await Pull(server);

        AssertWhole();
    }

    [Fact]
    public async Task A_whole_part_is_only_checked()
    {
        Directory.CreateDirectory(_folder["models"]);
        await File.WriteAllBytesAsync(_target + ".partial", _model);
        await File.WriteAllTextAsync(_target + ".partial.mark", "\"v1\"");
        using var server = new BadServer((_, _) => new BadServer.Answer(BadServer.Head("416 Range Not Satisfiable", 0, $"Content-Range: bytes */{_model.Length}\r\n"), []));

        await Pull(server, given: _sha256);

        AssertWhole();
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task A_part_longer_than_the_file_is_begun_anew()
    {
        Directory.CreateDirectory(_folder["models"]);
        await File.WriteAllBytesAsync(_target + ".partial", [.. _model, 1, 2, 3]);
        await File.WriteAllTextAsync(_target + ".partial.mark", "\"v1\"");
        using var server = new BadServer((request, head) => request == 0 ? new BadServer.Answer(BadServer.Head("416 Range Not Satisfiable", 0, $"Content-Range: bytes */{_model.Length}\r\n"), []) : BadServer.Serve(_model, head));

        await Pull(server);

        AssertWhole();
    }

    [Fact]
    public async Task A_disk_without_room_is_said_before_anything_is_written()
    {
        using var server = new BadServer((_, head) => BadServer.Serve(_model, head));

        var error = await Assert.ThrowsAsync<DownloadException>(() => Pull(server, options: Options(free: 1000)));

        Assert.Equal(DownloadError.NoRoom, error.Error);
        Assert.Contains("--to", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(_target + ".partial").Length);
    }

    [Fact]
    public async Task No_network()
    {
        Uri nobody;
        using (var server = new BadServer((_, head) => BadServer.Serve(_model, head)))
        {
            nobody = server.Address;
        }

        var error = await Assert.ThrowsAsync<DownloadException>(() => Pull(nobody, null, Options()));

        Assert.Equal(DownloadError.NotReachable, error.Error);
        Assert.Contains("--model", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_target));
    }

    [Fact]
    public async Task Two_at_once_do_not_mix()
    {
        Directory.CreateDirectory(_folder["models"]);
        using var held = new FileStream(_target + ".partial", FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        using var server = new BadServer((_, head) => BadServer.Serve(_model, head));

        await Fails(server, DownloadError.NotWritable);
    }

    [Fact]
    public async Task A_file_that_is_there_stays_until_the_new_one_is_whole()
    {
        Directory.CreateDirectory(_folder["models"]);
        await File.WriteAllTextAsync(_target, "the one before");
        var wrong = Changed();
        using var server = new BadServer((_, head) => BadServer.Serve(wrong, head));

        var error = await Assert.ThrowsAsync<DownloadException>(() => Pull(server, _sha256));

        Assert.Equal(DownloadError.WrongBytes, error.Error);
        Assert.Equal("the one before", await File.ReadAllTextAsync(_target));
    }

    [Fact]
    public async Task Stopped_it_keeps_the_part()
    {
        using var stop = new CancellationTokenSource();
        using var server = new BadServer((_, head) =>
        {
            stop.CancelAfter(TimeSpan.FromMilliseconds(50));
            return CutOff(head, 10_000) with { Stalls = true };
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Pull(server.Address, null, new DownloadOptions { StallTimeout = TimeSpan.FromMinutes(1) }, stop.Token));

        Assert.False(File.Exists(_target));
        Assert.True(File.Exists(_target + ".partial"));
    }

    private static DownloadOptions Options(long free = long.MaxValue) =>
        new() { StallTimeout = TimeSpan.FromSeconds(1), MostFailures = 3, Enough = 4096, Pause = TimeSpan.FromMilliseconds(1), FreeBytes = _ => free };

    // Announces the rest of the file and sends a part of it.
    private BadServer.Answer CutOff(string head, int count) => BadServer.Serve(_model, head) is var whole ? whole with { Body = whole.Body[..Math.Min(count, whole.Body.Length)] } : whole;

    private byte[] Changed()
    {
        var wrong = (byte[])_model.Clone();
        wrong[^100] ^= 1;
        wrong[5_000] ^= 1;
        return wrong;
    }

    private async Task<DownloadException> Fails(BadServer server, DownloadError expected, string? given = null)
    {
        var error = await Assert.ThrowsAsync<DownloadException>(() => Pull(server, given));
        Assert.Equal(expected, error.Error);
        Assert.False(File.Exists(_target));
        return error;
    }

    private Task<DownloadResult> Pull(BadServer server, string? given = null, DownloadOptions? options = null) => Pull(server.Address, given, options ?? Options());

    private async Task<DownloadResult> Pull(Uri address, string? given, DownloadOptions options, CancellationToken cancellationToken = default)
    {
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
        return await new ModelDownload(client, options, TimeProvider.System).RunAsync(address, _target, given, known: null, new NoProgress(), cancellationToken);
    }

    private void AssertWhole()
    {
        Assert.Equal(_model, File.ReadAllBytes(_target));
        Assert.Equal([_target], Directory.GetFiles(_folder["models"]));
    }
}
