using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Personalize.Cli.Tests.Models.Pull;

/// <summary>A server on this machine that answers each request as the test says, byte by byte: what a real one does wrong, no library of servers would send.</summary>
internal sealed class BadServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<int, string, Answer> _answer;
    private readonly Task _loop;
    private int _count;

    /// <param name="answer">Given the number of the request, from 0 on, and its head.</param>
    public BadServer(Func<int, string, Answer> answer)
    {
        _answer = answer;
        _listener.Start();
        _loop = Task.Run(LoopAsync);
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/model.gguf");

    public int Requests => _count;

    public List<string> Heads { get; } = [];

    /// <summary>An answer that is as it should be: the whole, or the rest that was asked for.</summary>
    public static Answer Serve(byte[] file, string head, string tag = "\"v1\"", string extra = "")
    {
        var from = From(head);
        return from == 0
            ? new Answer(Head("200 OK", file.Length, $"ETag: {tag}\r\n{extra}"), file)
            : new Answer(Head("206 Partial Content", file.Length - from, $"ETag: {tag}\r\nContent-Range: bytes {from}-{file.Length - 1}/{file.Length}\r\n{extra}"), file[from..]);
    }

    public static string Head(string status, long length, string extra = "") => $"HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n{extra}\r\n";

    public static int From(string head)
    {
        var line = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase));
        return line is null ? 0 : int.Parse(line["Range: bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Stop();
        _loop.GetAwaiter().GetResult();
        _end.Dispose();
        _listener.Dispose();
    }

    private async Task LoopAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_end.Token);
                await AnswerAsync(client);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        try
        {
            var stream = client.GetStream();
            var head = new StringBuilder();
            var buffer = new byte[4096];
            while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                var read = await stream.ReadAsync(buffer, _end.Token);
                if (read == 0)
                {
                    return;
                }

                head.Append(Encoding.ASCII.GetString(buffer, 0, read));
            }

            Heads.Add(head.ToString());
            var answer = _answer(_count++, head.ToString());
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer.Head), _end.Token);
            await stream.WriteAsync(answer.Body, _end.Token);
            await stream.FlushAsync(_end.Token);
            if (answer.Stalls)
            {
                // Says nothing more until the other side has enough of it.
                while (await stream.ReadAsync(buffer, _end.Token) > 0)
                {
                }
            }
        }
        catch (IOException)
        {
            // The other side went away first.
        }
    }

    internal sealed record Answer(string Head, byte[] Body, bool Stalls = false);
}
