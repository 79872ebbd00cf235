using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Formats.Gguf;

/// <summary>
/// The key-value pairs of a GGUF file, in the order of the file. Immutable, thread-safe, and valid after the file was closed. Arrays are decoded at each call;
/// the caller owns what it gets. The <c>Try</c> methods return false for a missing key and for a value of another type; the <c>Get</c> methods throw.
/// </summary>
public sealed class GgufMetadata
{
    private readonly string _path;
    private readonly byte[] _header;
    private readonly List<string> _keys;
    private readonly Dictionary<string, GgufValue> _values;

    internal GgufMetadata(string path, byte[] header, List<string> keys, Dictionary<string, GgufValue> values)
    {
        _path = path;
        _header = header;
        _keys = keys;
        _values = values;
    }

    /// <summary>How many keys there are.</summary>
    public int Count => _keys.Count;

    /// <summary>The keys in the order of the file.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>Whether a key is there, whatever its type.</summary>
    /// <param name="key">The key.</param>
    /// <returns>Whether it is there.</returns>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>The stored type of a value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="type">Its type; <see cref="GgufValueType.Array"/> for any array.</param>
    /// <param name="elementType">The elements' type of an array, else <paramref name="type"/>.</param>
    /// <param name="count">The elements of an array, else 1.</param>
    /// <returns>Whether the key is there.</returns>
    public bool TryGetType(string key, out GgufValueType type, out GgufValueType elementType, out int count)
    {
        var found = _values.TryGetValue(key, out var value);
        (type, elementType, count) = (value.Type, value.ElementType, value.Count);
        return found;
    }

    /// <summary>Reads a string.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The string.</param>
    /// <returns>Whether the key holds a string.</returns>
    public bool TryGetString(string key, [NotNullWhen(true)] out string? value)
    {
        var found = TryGetScalar(key, out var entry) && entry.Type == GgufValueType.String;
        var offset = entry.Offset;
        value = found ? ReadString(ref offset) : null;
        return found;
    }

    /// <summary>Reads an integer of any stored type that fits.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The integer.</param>
    /// <returns>Whether the key holds an integer from 0 to 2^32 - 1.</returns>
    public bool TryGetUInt32(string key, out uint value)
    {
        var found = TryGetScalar(key, out var entry) && TryReadInteger(entry, 0, out var integer) && integer >= uint.MinValue && integer <= uint.MaxValue;
        value = found ? (uint)ReadInteger(entry) : 0;
        return found;
    }

    /// <summary>Reads an integer of any stored type that fits.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The integer.</param>
    /// <returns>Whether the key holds an integer from -2^63 to 2^63 - 1.</returns>
    public bool TryGetInt64(string key, out long value)
    {
        var found = TryGetScalar(key, out var entry) && TryReadInteger(entry, 0, out var integer) && integer <= long.MaxValue;
        value = found ? (long)ReadInteger(entry) : 0;
        return found;
    }

    /// <summary>Reads a float, rounding a double.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The float.</param>
    /// <returns>Whether the key holds a single or a double.</returns>
    public bool TryGetSingle(string key, out float value)
    {
        value = 0;
        return TryGetScalar(key, out var entry) && TryReadFloat(entry, 0, out value);
    }

    /// <summary>Reads a boolean.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The boolean.</param>
    /// <returns>Whether the key holds a boolean.</returns>
    public bool TryGetBoolean(string key, out bool value)
    {
        var found = TryGetScalar(key, out var entry) && entry.Type == GgufValueType.Boolean;
        value = found && _header[entry.Offset] != 0;
        return found;
    }

    /// <summary>Decodes an array of strings.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">A new array.</param>
    /// <returns>Whether the key holds an array of strings.</returns>
    public bool TryGetStrings(string key, [NotNullWhen(true)] out string[]? values)
    {
        values = null;
        if (!TryGetArray(key, out var entry) || entry.ElementType != GgufValueType.String)
        {
            return false;
        }

        values = new string[entry.Count];
        var offset = entry.Offset;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ReadString(ref offset);
        }

        return true;
    }

    /// <summary>Decodes an array of integers of any stored type that fit.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">A new array.</param>
    /// <returns>Whether the key holds an array of integers, each from -2^31 to 2^31 - 1.</returns>
    public bool TryGetInt32s(string key, [NotNullWhen(true)] out int[]? values)
    {
        values = null;
        if (!TryGetArray(key, out var entry) || !IsInteger(entry.ElementType))
        {
            return false;
        }

        var result = new int[entry.Count];
        for (var i = 0; i < result.Length; i++)
        {
            if (!TryReadInteger(entry, i, out var integer) || integer < int.MinValue || integer > int.MaxValue)
            {
                return false;
            }

            result[i] = (int)integer;
        }

        values = result;
        return true;
    }

    /// <summary>Decodes an array of floats, rounding doubles.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">A new array.</param>
    /// <returns>Whether the key holds an array of singles or doubles.</returns>
    public bool TryGetSingles(string key, [NotNullWhen(true)] out float[]? values)
    {
        values = null;
        if (!TryGetArray(key, out var entry) || entry.ElementType is not (GgufValueType.Float32 or GgufValueType.Float64))
        {
            return false;
        }

        values = new float[entry.Count];
        for (var i = 0; i < values.Length; i++)
        {
            TryReadFloat(entry, i, out values[i]);
        }

        return true;
    }

    /// <summary>Decodes an array of booleans.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">A new array.</param>
    /// <returns>Whether the key holds an array of booleans.</returns>
    public bool TryGetBooleans(string key, [NotNullWhen(true)] out bool[]? values)
    {
        values = null;
        if (!TryGetArray(key, out var entry) || entry.ElementType != GgufValueType.Boolean)
        {
            return false;
        }

        values = Array.ConvertAll(_header[entry.Offset..(entry.Offset + entry.Count)], stored => stored != 0);
        return true;
    }

    /// <summary>Reads a string.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The string.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no string.</exception>
    public string GetString(string key) => TryGetString(key, out var value) ? value : throw Refuse(key, "a string");

    /// <summary>Reads an integer of any stored type that fits.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The integer.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no integer from 0 to 2^32 - 1.</exception>
    public uint GetUInt32(string key) => TryGetUInt32(key, out var value) ? value : throw Refuse(key, "an unsigned 32-bit integer");

    /// <summary>Reads an integer of any stored type that fits.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The integer.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no integer from -2^63 to 2^63 - 1.</exception>
    public long GetInt64(string key) => TryGetInt64(key, out var value) ? value : throw Refuse(key, "a 64-bit integer");

    /// <summary>Reads a float, rounding a double.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The float.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no float.</exception>
    public float GetSingle(string key) => TryGetSingle(key, out var value) ? value : throw Refuse(key, "a float");

    /// <summary>Reads a boolean.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The boolean.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no boolean.</exception>
    public bool GetBoolean(string key) => TryGetBoolean(key, out var value) ? value : throw Refuse(key, "a boolean");

    /// <summary>Decodes an array of strings.</summary>
    /// <param name="key">The key.</param>
    /// <returns>A new array.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no array of strings.</exception>
    public string[] GetStrings(string key) => TryGetStrings(key, out var values) ? values : throw Refuse(key, "an array of strings");

    /// <summary>Decodes an array of integers of any stored type that fit.</summary>
    /// <param name="key">The key.</param>
    /// <returns>A new array.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no array of integers from -2^31 to 2^31 - 1.</exception>
    public int[] GetInt32s(string key) => TryGetInt32s(key, out var values) ? values : throw Refuse(key, "an array of 32-bit integers");

    /// <summary>Decodes an array of floats, rounding doubles.</summary>
    /// <param name="key">The key.</param>
    /// <returns>A new array.</returns>
    /// <exception cref="ModelFormatException">The key is missing or holds no array of floats.</exception>
    public float[] GetSingles(string key) => TryGetSingles(key, out var values) ? values : throw Refuse(key, "an array of floats");

    /// <summary>The value as it is stored, from its type on.</summary>
    internal ReadOnlySpan<byte> GetStored(string key) => _header.AsSpan(_values[key].Start, _values[key].End - _values[key].Start);

    private static bool IsInteger(GgufValueType type) => type is <= GgufValueType.Int32 or GgufValueType.UInt64 or GgufValueType.Int64;

    private bool TryGetScalar(string key, out GgufValue value) => _values.TryGetValue(key, out value) && value.Type != GgufValueType.Array;

    private bool TryGetArray(string key, out GgufValue value) => _values.TryGetValue(key, out value) && value.Type == GgufValueType.Array;

    private string ReadString(ref int offset)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(_header.AsSpan(offset));
        var value = Encoding.UTF8.GetString(_header, offset + sizeof(ulong), length);
        offset += sizeof(ulong) + length;
        return value;
    }

    private Int128 ReadInteger(in GgufValue entry) => TryReadInteger(entry, 0, out var value) ? value : 0;

    private bool TryReadInteger(in GgufValue entry, int index, out Int128 value)
    {
        var bytes = _header.AsSpan(entry.Offset + (index * GgufValue.SizeOf(entry.ElementType)));
        value = entry.ElementType switch
        {
            GgufValueType.UInt8 => bytes[0],
            GgufValueType.Int8 => (sbyte)bytes[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            GgufValueType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            _ => Int128.Zero,
        };
        return IsInteger(entry.ElementType);
    }

    private bool TryReadFloat(in GgufValue entry, int index, out float value)
    {
        var bytes = _header.AsSpan(entry.Offset + (index * GgufValue.SizeOf(entry.ElementType)));
        value = entry.ElementType switch
        {
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            GgufValueType.Float64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            _ => 0,
        };
        return entry.ElementType is GgufValueType.Float32 or GgufValueType.Float64;
    }

    private ModelFormatException Refuse(string key, string needed) => _values.TryGetValue(key, out var value)
        ? new(ModelFormatError.WrongValueType, _path, $"the value is not {needed}", value.Offset, key)
        : new(ModelFormatError.MissingKey, _path, "a metadata key is missing", key: key);
}
