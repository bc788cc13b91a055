// The hand-written shapes of types.ts against those that the controller's handlers declare (schema.d.ts, made from
// openapi.json by `npm run api`). Types alone: when the controller changes a shape, the build says so here.
import type { components } from './schema';
import type * as access from './access';
import type * as office from './office';
import type * as ours from './types';

type Theirs = components['schemas'];
/** As it is sent: an absent value is sent as null, although the document calls the field optional. */
type Sent<T> = T extends (infer U)[]
  ? Sent<U>[]
  : T extends object
    ? { [K in keyof T]-?: Sent<Exclude<T[K], undefined>> }
    : T;
/** Words that the document calls a string, and the pages by their list. */
type Wide<T> = T extends string
  ? string
  : T extends (infer U)[]
    ? Wide<U>[]
    : T extends object
      ? { [K in keyof T]: Wide<T[K]> }
      : T;
/** What the controller sends must be usable as what the pages read. */
type Fits<S extends O, O> = [S, O];

export type Contract = [
  Fits<Sent<Theirs['Area']>, Wide<ours.Area>>,
  Fits<Sent<Theirs['Package']>, Wide<ours.Package>>,
  Fits<Sent<Theirs['Branch']>, Wide<ours.Branch>>,
  Fits<Sent<Theirs['StaffInfo']>, Wide<ours.Staff>>,
  Fits<Sent<Theirs['Customer']>, Wide<ours.Customer>>,
  Fits<Sent<Theirs['CustomerList']>, Wide<ours.CustomerPage>>,
  Fits<Sent<Theirs['TimelineItem']>, Wide<ours.TimelineItem>>,
  Fits<Sent<Theirs['UsageView']>, Wide<ours.UsageDays>>,
  Fits<Sent<Theirs['Subscription']>, Wide<ours.RawSubscription>>,
  Fits<Sent<Theirs['Setting']>, Wide<office.Setting>>,
  Fits<Sent<Theirs['AuditEntry']>, Wide<office.AuditEntry>>,
  Fits<Sent<Theirs['AuditChange']>, Wide<office.AuditChange>>,
  Fits<Sent<Theirs['AuditState']>, Wide<office.AuditSeal>>,
  Fits<Sent<Theirs['Notice']>, Wide<office.Notice>>,
  Fits<Sent<Theirs['NoticePage']>, Wide<office.NoticePage>>,
  Fits<Sent<Theirs['TemplateView']>, Wide<office.NoticeTemplate>>,
  Fits<Sent<Theirs['TextPreview']>, Wide<office.NoticePreview>>,
  Fits<Sent<Theirs['ChannelTestResult']>, Wide<office.ChannelTest>>,
  Fits<Sent<Theirs['EmailChannel']>, Wide<office.EmailChannel>>,
  Fits<Sent<Theirs['SmsChannel']>, Wide<office.SmsChannel>>,
  Fits<Sent<Theirs['NoticeChannels']>, Wide<office.NoticeChannels>>,
  Fits<Sent<Theirs['Backup']>, Wide<office.Backup>>,
  Fits<Sent<Theirs['Backups']>, Wide<office.Backups>>,
  Fits<Sent<Theirs['Branch']>, Wide<office.Office>>,
  Fits<Sent<Theirs['BranchDetail']>, Wide<office.OfficeDetail>>,
  Fits<Sent<Theirs['Reseller']>, Wide<office.Reseller>>,
  Fits<Sent<Theirs['MovePreview']>, Wide<office.MovePreview>>,
  Fits<Sent<Theirs['Hold']>, Wide<ours.Hold>>,
  Fits<Sent<Theirs['Payment']>, Wide<ours.Payment>>,
  Fits<Sent<Theirs['Quote']>, Wide<ours.Quote>>,
  Fits<Sent<Theirs['ProofView']>, Wide<ours.Proof>>,
  Fits<Sent<Theirs['PopView']>, Wide<ours.Pop>>,
  Fits<Sent<Theirs['RouterView']>, Wide<ours.RouterConf>>,
  Fits<Sent<Theirs['Invitation']>, Wide<ours.Invite>>,
  Fits<Sent<Theirs['InvitationView']>, Wide<ours.InviteState>>,
  Fits<Sent<Theirs['Brake']>, Wide<ours.Brake>>,
  Fits<Sent<Theirs['BrakeLine']>, Wide<ours.BrakeLine>>,
  Fits<Sent<Theirs['FreezeView']>, Wide<ours.Freeze>>,
  Fits<Sent<Theirs['Staff']>, Wide<access.StaffMember>>,
  Fits<Sent<Theirs['InvitedStaff']>, Wide<access.InvitedStaff>>,
  Fits<Sent<Theirs['Role']>, Wide<access.Role>>,
  Fits<Sent<Theirs['SessionInfo']>, Wide<access.Session>>,
  Fits<Sent<Theirs['TokenInfo']>, Wide<access.Token>>,
  Fits<Sent<Theirs['SecondFactorInfo']>, Wide<access.SecondFactor>>,
  Fits<Sent<Theirs['Enrolment']>, Wide<access.Enrolment>>,
  Fits<Sent<Theirs['LinkView']>, Wide<access.LinkView>>,
];
