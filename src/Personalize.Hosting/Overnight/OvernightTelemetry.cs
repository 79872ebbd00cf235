using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Personalize.Hosting.Overnight;

/// <summary>Meter and activity source of the overnight agent, both named <c>Personalize.Overnight</c>. Kinds, counts, times and adapters' ids; never a text of the person.</summary>
internal static class OvernightTelemetry
{
    public const string Name = "Personalize.Overnight";

    private static readonly Meter Meter = new(Name);

    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>Looks by what they came to.</summary>
    public static Counter<long> Looks { get; } = Meter.CreateCounter<long>("personalize.overnight.looks", "{look}", "Looks by what they came to");

    /// <summary>Steps of training.</summary>
    public static Counter<long> Steps { get; } = Meter.CreateCounter<long>("personalize.overnight.steps", "{step}", "Steps of training");

    /// <summary>How long a slice of work took.</summary>
    public static Histogram<double> SliceSeconds { get; } = Meter.CreateHistogram<double>("personalize.overnight.slice.duration", "s", "How long a slice of work took");
}
