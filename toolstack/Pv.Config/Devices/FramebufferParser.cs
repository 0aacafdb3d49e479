using Pv.Config.Domain;

namespace Pv.Config.Devices;

/// <summary>Virtual screens (<c>vfb</c>). Each brings a keyboard. Unknown words are ignored, as xl ignores them.</summary>
internal static class FramebufferParser
{
    internal static void ReadAll(ConfigReader reader, DomainConfiguration domain)
    {
        foreach (string entry in reader.Atoms("vfb"))
        {
            var screen = new FramebufferSpecification { DeviceId = domain.Framebuffers.Count };
            domain.Framebuffers.Add(screen);
            domain.Keyboards.Add(new KeyboardSpecification { DeviceId = domain.Keyboards.Count });
            foreach (string word in SpecificationWords.Split(entry))
            {
                if (!SpecificationWords.TryPair(word, out string key, out string value))
                    break;
                Apply(screen, key, value);
            }
        }
    }

    private static void Apply(FramebufferSpecification screen, string key, string value)
    {
        switch (key)
        {
            case "vnc": screen.Vnc.Enable = CNumber.ParseInteger(value) != 0; break;
            case "vnclisten": screen.Vnc.Listen = value; break;
            case "vncpasswd": screen.Vnc.Password = value; break;
            case "vncdisplay": screen.Vnc.Display = CNumber.ParseInteger(value); break;
            case "vncunused": screen.Vnc.FindUnused = CNumber.ParseInteger(value) != 0; break;
            case "keymap": screen.Keymap = value; break;
            case "sdl": screen.Sdl.Enable = CNumber.ParseInteger(value) != 0; break;
            case "opengl": screen.Sdl.OpenGl = CNumber.ParseInteger(value) != 0; break;
            case "display": screen.Sdl.Display = value; break;
            case "xauthority": screen.Sdl.Xauthority = value; break;
        }
    }
}
