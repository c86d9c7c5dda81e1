/** A file to try the import with: invented people, every column that most need. `content/mappings/README.md` explains them all. */
export const SAMPLE_CSV = `source,person_id,kind,first_name,last_name,email,joined_on,left_on,plan_or_role,complaint_id,said_on,channel,words,issue,gap,main,confidentiality,public_consent
helpdesk,1001,customer,Ada,Brandt,ada.brandt@studio.example,2021-09,2026-06-02,Team,T-881,2026-03-23,ticket,"The export stops at two thirds, every Monday.",,experience,yes,open,yes
helpdesk,1001,customer,Ada,Brandt,ada.brandt@studio.example,2021-09,2026-06-02,Team,T-902,2026-04-14,email,"You closed my ticket twice without asking me.",,trust,no,open,no
helpdesk,1002,customer,Jonas,Petit,jonas.petit@press.example,2023-01,2026-07-15,Single,T-940,2026-06-30,call,"The price rose, and I heard of it from my bank.",,value,yes,open,
hr,88,employee,Noa,Silva,noa.silva@post.example,2019-05-01,2026-05-29,Support engineer,E-12,2026-05-20,exit interview,"For a year nobody could tell me what comes after this role.",,growth,yes,confidential,
`;
