using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Models;

namespace Personalize.Training.Adapters;

/// <summary>The sizes of one of a layer's linear maps.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ModuleShape(int InputSize, int OutputSize)
{
    public static ModuleShape Of(DecoderDescription description, LinearModule module)
    {
        var (input, output) = description.GetShape(module);
        return new ModuleShape(input, output);
    }
}
