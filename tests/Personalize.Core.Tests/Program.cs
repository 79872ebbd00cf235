using Personalize.Core.Tests.Faults;

namespace Personalize.Core.Tests;

/// <summary>Started by the fault tests as a process of its own, to be killed; the test runner does not use it.</summary>
internal static class Program
{
    public static int Main(string[] args) => args is [var profile, var seed] ? StoreWorker.Run(profile, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture)) : 2;
}
