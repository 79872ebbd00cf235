namespace Personalize.Cli.Models.Pull;

/// <summary>A file that was brought and checked.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its checksum, in hexadecimal.</param>
/// <param name="Check">What the checksum was compared with: <c>given</c>, <c>known</c>, <c>server</c>, or <c>none</c> where nobody told one.</param>
/// <param name="ResumedFrom">How many bytes an earlier run had brought.</param>
internal sealed record DownloadResult(string Path, long Bytes, string Sha256, string Check, long ResumedFrom);
