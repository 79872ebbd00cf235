using System.Text.Json;

namespace Personalize.Cli.Benchmarks;

/// <summary>One part of <c>bench inference</c>: measured, then reported. Used once.</summary>
internal interface IInferencePart
{
    /// <summary>Measures.</summary>
    void Run(InferenceBench bench);

    /// <summary>Writes properties of the one object.</summary>
    /// <param name="json">Inside the object.</param>
    /// <param name="readBytesPerSecond">How fast this machine reads memory.</param>
    void Write(Utf8JsonWriter json, double readBytesPerSecond);

    /// <summary>The same for a person, a line each.</summary>
    /// <param name="readBytesPerSecond">How fast this machine reads memory.</param>
    IEnumerable<string> Describe(double readBytesPerSecond);
}
