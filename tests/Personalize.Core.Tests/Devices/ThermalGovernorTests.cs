using Personalize.Core.Devices;

namespace Personalize.Core.Tests.Devices;

public sealed class ThermalGovernorTests
{
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(4);

    [Theory]
    [InlineData(2.0, 0)]
    [InlineData(1.0, 0)]
    [InlineData(0.5, 4)]
    [InlineData(0.25, 12)]
    [InlineData(0.0, 16)]
    [InlineData(-3.0, 16)]
    [InlineData(null, 1)]
    public void The_less_headroom_the_longer_the_rest(double? headroom, double seconds) => Assert.Equal(seconds, new ThermalGovernor().RestAfter(Burst, headroom).TotalSeconds, 6);

    [Fact]
    public void A_rest_has_an_end()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), new ThermalGovernor().RestAfter(TimeSpan.FromHours(1), 0));
        Assert.Equal(TimeSpan.Zero, new ThermalGovernor().RestAfter(TimeSpan.Zero, 0));
    }

    [Fact]
    public void Limits_that_contradict_each_other_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new ConditionLimits { BatteryToStart = 30 }.Validate());
        Assert.Throws<ArgumentException>(() => new ConditionLimits { CelsiusToSlow = 90 }.Validate());
        Assert.Throws<ArgumentException>(() => new ConditionLimits { LoadToStart = 0 }.Validate());
        Assert.Throws<ArgumentException>(() => new ConditionLimits { MemoryToStart = 1 }.Validate());
        new ConditionLimits().Validate();
    }
}
