using Personalize.Core.Kernels;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Tests.Optimizers;

public sealed class AdamWTests
{
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(19, 0)]
    [InlineData(19, 0.1)]
    public void Follows_the_textbook_in_double_precision(int count, double decay)
    {
        const double Rate = 1e-2, Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;
        const float Scale = 0.5f;
        var random = new Random(count);
        using var parameters = new NativeBuffer<float>(count);
        using var gradients = new NativeBuffer<float>(count);
        using var optimizer = new AdamW(count, Beta1, Beta2, Epsilon, decay);
        var (p, m, v) = (new double[count], new double[count], new double[count]);
        for (var i = 0; i < count; i++)
        {
            p[i] = parameters.Span[i] = (2 * random.NextSingle()) - 1;
        }

        for (var step = 1; step <= 5; step++)
        {
            for (var i = 0; i < count; i++)
            {
                gradients.Span[i] = (2 * random.NextSingle()) - 1;
                var g = (double)gradients.Span[i] * Scale;
                m[i] = (Beta1 * m[i]) + ((1 - Beta1) * g);
                v[i] = (Beta2 * v[i]) + ((1 - Beta2) * g * g);
                p[i] -= Rate * decay * p[i];
                p[i] -= Rate * (m[i] / (1 - Math.Pow(Beta1, step))) / (Math.Sqrt(v[i] / (1 - Math.Pow(Beta2, step))) + Epsilon);
            }

            optimizer.Step(parameters, gradients, Rate, Scale);
        }

        Assert.Equal(5, optimizer.StepCount);
        for (var i = 0; i < count; i++)
        {
            Assert.Equal(p[i], parameters.Span[i], Tolerance);
        }
    }

    [Fact]
    public void The_first_step_moves_by_the_rate_against_the_sign()
    {
        const float Rate = 0.25f;
        using var parameters = new NativeBuffer<float>(3);
        using var gradients = new NativeBuffer<float>(3);
        using var optimizer = new AdamW(3, 0.9, 0.999, 1e-8, 0);
        gradients.Span[0] = 3;
        gradients.Span[1] = -0.01f;
        optimizer.Step(parameters, gradients, Rate, 1);
        Assert.Equal(-Rate, parameters.Span[0], Tolerance);
        Assert.Equal(Rate, parameters.Span[1], Tolerance);
        Assert.Equal(0, parameters.Span[2]);
    }

    [Fact]
    public void A_group_has_its_own_rate_and_may_not_decay()
    {
        const float Rate = 0.25f;
        using var parameters = new NativeBuffer<float>(3);
        using var gradients = new NativeBuffer<float>(3);
        parameters.Span.Fill(10);
        gradients.Span.Fill(1);
        using var optimizer = new AdamW(3, 0.9, 0.999, 1e-8, 0.1, [new ParameterGroup(0, 1), new ParameterGroup(1, 1, RateFactor: 8), new ParameterGroup(2, 1, Decays: false)]);
        optimizer.Step(parameters, gradients, Rate, 1);
        Assert.Equal(10 - (10 * 0.1 * Rate) - Rate, parameters.Span[0], Tolerance);
        Assert.Equal(10 - (8 * 10 * 0.1 * Rate) - (8 * Rate), parameters.Span[1], Tolerance);
        Assert.Equal(10 - Rate, parameters.Span[2], Tolerance);
        Assert.Throws<ArgumentException>(() => new AdamW(3, 0.9, 0.999, 1e-8, 0, [new ParameterGroup(0, 2)]));
    }

    [Fact]
    public void Vectors_of_another_length_are_refused()
    {
        using var parameters = new NativeBuffer<float>(3);
        using var gradients = new NativeBuffer<float>(4);
        using var optimizer = new AdamW(3, 0.9, 0.999, 1e-8, 0);
        Assert.Throws<ArgumentException>(() => optimizer.Step(parameters, gradients, 1, 1));
    }
}
