using System.Net;
using System.Net.Http.Headers;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Models.Pull;

/// <summary>A server's answer to a request for a file or the rest of it, redirections followed.</summary>
internal sealed class FileAnswer : IDisposable
{
    private const int MostRedirections = 8;
    private const int Sha256Digits = 64;
    private readonly HttpResponseMessage _response;

    private FileAnswer(HttpResponseMessage response, string? serverSha256) => (_response, ServerSha256) = (response, serverSha256);

    public HttpStatusCode Status => _response.StatusCode;

    public HttpContent Content => _response.Content;

    /// <summary>The checksum that a model hub tells in a header of its own, or null.</summary>
    public string? ServerSha256 { get; }

    /// <summary>The version's mark where it is a strong one, else null.</summary>
    public string? Mark => _response.Headers.ETag is { IsWeak: false } tag ? tag.Tag : null;

    /// <summary>Where the answer's bytes begin in the file.</summary>
    public long Start => Status == HttpStatusCode.PartialContent ? Content.Headers.ContentRange?.From ?? -1 : 0;

    /// <summary>How long the whole file is, or null where the server does not say.</summary>
    public long? TotalLength => Status == HttpStatusCode.PartialContent ? Content.Headers.ContentRange?.Length : Content.Headers.ContentLength;

    /// <summary>Whether it is a page for people, like that of a login, in place of the file.</summary>
    public bool IsPage => Content.Headers.ContentType?.MediaType is "text/html";

    /// <summary>Whether the server says that the file ends where the asker's part ends.</summary>
    public bool IsAllThere(long length) => length > 0 && Status == HttpStatusCode.RequestedRangeNotSatisfiable && Content.Headers.ContentRange?.Length == length;

    /// <summary>Asks for a file from some byte on.</summary>
    /// <exception cref="HttpRequestException">The server cannot be reached, or sends something else than HTTP.</exception>
    /// <exception cref="DownloadException">It sends in circles, or from an encrypted connection to one that is not.</exception>
    public static async Task<FileAnswer> RequestAsync(HttpClient client, Uri address, long from, string? mark, CancellationToken cancellationToken)
    {
        string? sha256 = null;
        for (var step = 0; step < MostRedirections; step++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("personalize", null));
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
            if (from > 0 && mark is not null)
            {
                request.Headers.Range = new RangeHeaderValue(from, null);
                request.Headers.IfRange = new RangeConditionHeaderValue(new EntityTagHeaderValue(mark));
            }

            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
            sha256 ??= Sha256Of(response);
            if ((int)response.StatusCode is < 301 or > 308 or 304 || response.Headers.Location is not { } location)
            {
                return new FileAnswer(response, sha256);
            }

            response.Dispose();
            var next = new Uri(address, location);
            if (next.Scheme != Uri.UriSchemeHttps && (address.Scheme == Uri.UriSchemeHttps || next.Scheme != Uri.UriSchemeHttp))
            {
                throw new DownloadException(DownloadError.Refused, $"{address.Host} leads from https to {ErrorReport.OneLine(next.Scheme)}: the file is not fetched over it");
            }

            address = next;
        }

        throw new DownloadException(DownloadError.Refused, $"{address.Host} redirects more than {MostRedirections} times");
    }

    public void Dispose() => _response.Dispose();

    private static string? Sha256Of(HttpResponseMessage response) =>
        response.Headers.TryGetValues("X-Linked-ETag", out var values) && values.First().Trim('"') is { Length: Sha256Digits } digits && digits.All(char.IsAsciiHexDigit) ? digits.ToLowerInvariant() : null;
}
