using Personalize.Training.Optimizers;

namespace Personalize.Training.Tests.Optimizers;

public sealed class LearningRateScheduleTests
{
    private const double Tolerance = 1e-12;

    [Fact]
    public void The_protocol_warms_up_under_a_falling_line()
    {
        var schedule = new LearningRateSchedule(1e-3, 5, 0.1, 75);
        for (var s = 0; s < 75; s++)
        {
            Assert.Equal(1e-3 * Math.Min((s + 1) / 5.0, 1 - (s / 75.0 * 0.9)), schedule.At(s), Tolerance);
        }
    }

    [Fact]
    public void A_final_fraction_of_one_is_constant_after_the_warm_up()
    {
        var schedule = new LearningRateSchedule(1e-3, 5, 1, 40);
        Assert.Equal(2e-4, schedule.At(0), Tolerance);
        Assert.Equal(8e-4, schedule.At(3), Tolerance);
        Assert.All(Enumerable.Range(4, 36), s => Assert.Equal(1e-3, schedule.At(s), Tolerance));
    }

    [Fact]
    public void A_constant_rate_stays_and_a_cosine_ends_at_its_fraction()
    {
        var constant = new LearningRateSchedule(1e-3, 5, 0.1, 40, ScheduleKind.Constant);
        Assert.Equal(2e-4, constant.At(0), Tolerance);
        Assert.All(Enumerable.Range(4, 36), s => Assert.Equal(1e-3, constant.At(s), Tolerance));
        var cosine = new LearningRateSchedule(1, 4, 0.2, 40, ScheduleKind.Cosine);
        Assert.Equal(0.25, cosine.At(0), Tolerance);
        Assert.Equal(0.6, cosine.At(20), Tolerance);
        Assert.Equal(0.2 + (0.8 * (1 + Math.Cos(Math.PI / 4)) / 2), cosine.At(10), Tolerance);
        Assert.Equal(0.2, cosine.At(40), Tolerance);
    }

    [Fact]
    public void Without_a_warm_up_the_first_step_has_the_full_rate() =>
        Assert.Equal(2, new LearningRateSchedule(2, 0, 0, 4).At(0), Tolerance);
}
