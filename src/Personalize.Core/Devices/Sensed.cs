using System.Runtime.InteropServices;

namespace Personalize.Core.Devices;

/// <summary>A figure of a sensor, or why there is none.</summary>
/// <param name="Value">Null where it is not known.</param>
/// <param name="Detail">Where it comes from, or what is missing.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Sensed<T>(T? Value, string Detail)
    where T : struct
{
    public static Sensed<T> Unknown(string detail) => new(null, detail);
}
