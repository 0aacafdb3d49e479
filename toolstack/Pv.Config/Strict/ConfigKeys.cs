namespace Pv.Config.Strict;

/// <summary>What a key takes.</summary>
public enum KeyKind
{
    /// <summary>No key that xl knows.</summary>
    Unknown,
    Text,
    Number,

    /// <summary>0 or 1; any other number counts as 1.</summary>
    Switch,
    List,
    NumberOrText,
    ListOrText,
    ListOrSwitch,
}

/// <summary>Every key of xl.cfg(5), those of its source that the manual leaves out, those newer than 4.17, and those of ours.</summary>
public static class ConfigKeys
{
    private static readonly Dictionary<string, KeyKind> Kinds = Table();

    /// <summary>All of them.</summary>
    public static IReadOnlyCollection<string> All => Kinds.Keys;

    /// <summary>What a key takes; <see cref="KeyKind.Unknown"/> for a misspelt one.</summary>
    public static KeyKind KindOf(string key) => Kinds.GetValueOrDefault(key);

    private static Dictionary<string, KeyKind> Table()
    {
        var table = new Dictionary<string, KeyKind>(StringComparer.Ordinal);
        Add(KeyKind.Text, """
            vnclisten vncpasswd display xauthority cmdline root extra init_seclabel seclabel type builder name uuid pool
            pvshim_path pvshim_cmdline pvshim_extra vuart on_poweroff on_reboot on_watchdog on_crash on_soft_reset rdm passthrough
            kernel ramdisk device_tree bootloader bootloader_user firmware_override bios_path_override bios smbios_firmware
            acpi_firmware ms_vm_genid firmware device_model device_model_override device_model_version
            device_model_stubdomain_seclabel device_model_user stubdomain_kernel stubdomain_cmdline stubdomain_ramdisk keymap vga
            hdtype spicehost spicepasswd spice_image_compression spice_streaming_video boot soundhw vendor_device gic_version tee
            sve arm_sci
            """);
        Add(KeyKind.Number, """
            vncdisplay xenstore_feature_mask cpu_weight cap period slice latency extratime memory maxmem vcpus maxvcpus
            pci_msitranslate pci_power_mgmt pci_permissive pci_seize shadow_memory rtc_timeoffset vncviewer videoram
            max_event_channels mmio_hole rdm_mem_boundary altp2m_count vmtrace_buf_kb stubdomain_memory stdvga spiceport
            spicetls_port spiceusbredirection usbversion nr_spis max_grant_frames max_maptrack_frames max_grant_version
            """);
        Add(KeyKind.Switch, """
            vnc vncunused sdl opengl hap oos pvshim e820_host nomigrate localtime driver_domain acpi bootloader_restrict nestedhvm
            pae acpi_s3 acpi_s4 acpi_laptop_slate nx hpet vpt_align apic hvm_pirq altp2mhvm device_model_stubdomain_override
            dm_restrict spice spicedisable_ticketing spiceagent_mouse spicevdagent spice_clipboard_sharing nographic usb
            vkb_device xen_platform_pci xen_platform_pci_bar_uc trap_unmapped_accesses xend_suspend_evtchn_compat msr_relaxed vpmu
            async_hypercalls
            """);
        Add(KeyKind.List, """
            vnuma vsnd vkb virtio xenstore_quota llc_colors pci dtdev smbios mca_caps ioports irqs iomem disk p9 vtpm vdispl
            pvcalls channel vif vif2 vfb usbctrl usbdev device_model_args device_model_args_pv device_model_args_hvm
            """);
        Add(KeyKind.NumberOrText, """
            tsc_mode timer_mode altp2m gfx_passthru
            """);
        Add(KeyKind.ListOrText, """
            cpus cpus_soft cpuid bootloader_args serial usbdevice
            """);
        Add(KeyKind.ListOrSwitch, """
            viridian
            """);
        return table;

        void Add(KeyKind kind, string keys)
        {
            foreach (string key in keys.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
                table.Add(key, kind);
        }
    }
}
